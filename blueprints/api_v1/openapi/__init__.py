"""The OpenAPI document of the API. Importing it loads apispec, so nobody does before the document is asked for."""
