"""The blueprint of all that proves who somebody is: its routes stand in the modules beside this one."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("auth", __name__)
