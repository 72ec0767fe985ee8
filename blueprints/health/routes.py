"""Whether this process answers at all; asked by load balancers and by whoever starts the service."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def alive() -> ResponseReturnValue:
    """Say that the process answers; looks at nothing else."""
    return {"status": "ok"}
