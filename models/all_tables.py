"""Imports every model, so that the metadata knows every table; migrations are compared with it."""

from . import (  # noqa: F401
    account,
    audit_entry,
    catalog_in_force,
    installation,
    invite,
    lease,
    one_time_link,
    pending_sign_up,
    queued_mail,
    service_token,
    sign_in,
    stored_response,
    subscription,
    throttle,
    totp,
    upgrade_request,
    usage_log,
    usage_sums,
    usage_totals,
)
