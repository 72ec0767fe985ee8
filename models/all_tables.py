"""Imports every model, so that the metadata knows every table; migrations are compared with it."""

from . import (  # noqa: F401
    account,
    installation,
    lease,
    one_time_link,
    service_token,
    stored_response,
    subscription,
    throttle,
    usage_log,
)
