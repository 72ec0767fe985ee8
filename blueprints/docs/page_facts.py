"""The values that the documentation page fills into its examples: address, model, limits, token."""

from __future__ import annotations

from msgspec import Struct

from blueprints.docs.overview import Overview
from catalog.model import Catalog, Plan, Profile
from client_names import client_label
from pages import api_address

PLACEHOLDER = "YOUR_TOKEN"

# Where neither profile nor route states a limit: what clients are told, small enough for most models.
GUESSED_CONTEXT, GUESSED_OUTPUT = 128_000, 16_000


class PageFacts(Struct, frozen=True):
    """What examples and set-ups name, for one member or for a guest."""

    api: str
    """The API's base address, as clients are to be given it."""
    api_path: str
    """The same below the address that the page itself was opened at."""
    plan: Plan | None
    profile: Profile
    """The member's own; for a guest the one that sign-up activates."""
    token: str
    """As it is shown: masked, whole after the member asked for it, or a placeholder."""
    held: bool
    """Whether there is a token to fill in when something is copied."""
    context: int
    output: int
    limits_known: bool
    last_client: str | None

    @property
    def alias(self) -> str:
        """The model that the examples name."""
        return self.profile.alias


def page_facts(catalog: Catalog, overview: Overview | None, *, reveal: bool) -> PageFacts:
    """Gather the facts; ``reveal`` shows the whole token."""
    plan = overview.plan if overview else None
    profile = (plan or catalog.first_plan).profile
    token = overview.token if overview else None
    shown = token if reveal else overview.masked_token if overview else None
    context = profile.effective_context_length or GUESSED_CONTEXT
    last = overview.last_use if overview else None
    return PageFacts(
        api=api_address(catalog),
        api_path=f"/api/{catalog.service.slug}/v1",
        plan=plan,
        profile=profile,
        token=shown or PLACEHOLDER,
        held=token is not None,
        context=context,
        output=profile.max_output_tokens or min(GUESSED_OUTPUT, context // 4),
        limits_known=bool(profile.effective_context_length and profile.max_output_tokens),
        last_client=client_label(last.client_name) if last else None,
    )
