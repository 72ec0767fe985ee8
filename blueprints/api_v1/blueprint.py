"""The API's blueprint, and its connections to the upstreams of the catalog."""

from __future__ import annotations

from typing import cast

from flask import Blueprint, current_app
from flask.blueprints import BlueprintSetupState

from routing.router import Router

from .failed_authentications import FailedAuthentications
from .fair_share import FairShare
from .upstream import Upstreams

bp = Blueprint("api_v1", __name__)

_UPSTREAMS = "smartroute_upstreams"
_ROUTER = "smartroute_router"
_FAIR_SHARE = "smartroute_fair_share"
_FAILED_AUTHENTICATIONS = "smartroute_failed_authentications"


@bp.record
def _keep_upstreams(state: BlueprintSetupState) -> None:
    """Keep what is given at registration: the doors to the upstreams, what is known of them, whose turn it is."""
    state.app.extensions[_UPSTREAMS] = state.options["upstreams"]
    state.app.extensions[_ROUTER] = state.options["router"]
    state.app.extensions[_FAIR_SHARE] = state.options["fair_share"]
    state.app.extensions[_FAILED_AUTHENTICATIONS] = FailedAuthentications()


def upstreams() -> Upstreams:
    """Return the doors to the upstreams of the current application's catalog."""
    return cast(Upstreams, current_app.extensions[_UPSTREAMS])


def router() -> Router:
    """Return what chooses among routes, with all that this process has learnt of them."""
    return cast(Router, current_app.extensions[_ROUTER])


def fair_share() -> FairShare:
    """Return who of this process's requests goes on, and who lets others go first."""
    return cast(FairShare, current_app.extensions[_FAIR_SHARE])


def failed_authentications() -> FailedAuthentications:
    """Return the counters of wrong tokens of this process."""
    return cast(FailedAuthentications, current_app.extensions[_FAILED_AUTHENTICATIONS])
