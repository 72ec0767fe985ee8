"""Whether this process answers, and whether it can serve; asked by load balancers and by whoever starts the service."""

from __future__ import annotations

from typing import cast

from flask import Blueprint, current_app, jsonify
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue

from blueprints.health.readiness import Readiness, is_ready

bp = Blueprint("health", __name__)

_READINESS = "smartroute_readiness"


@bp.record
def _keep_readiness(state: BlueprintSetupState) -> None:
    """Keep what is given when the blueprint is registered: who knows whether the machine can serve."""
    state.app.extensions[_READINESS] = state.options["readiness"]


@bp.get("/healthz")
def alive() -> ResponseReturnValue:
    """Say that the process answers; looks at nothing else."""
    return {"status": "ok"}


@bp.get("/readyz")
def ready() -> ResponseReturnValue:
    """Say whether requests can be served now, with a word on each thing that is needed."""
    report = cast(Readiness, current_app.extensions[_READINESS]).report()
    is_good = is_ready(report)
    answer = jsonify(status="ready" if is_good else "not ready", checks=report)
    answer.status_code = 200 if is_good else 503
    return answer
