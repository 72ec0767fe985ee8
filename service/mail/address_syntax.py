"""What an e-mail address is: the one place that asks the library, and loads it when it is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from email_validator import ValidatedEmail


def parsed(text: str) -> ValidatedEmail:
    """Return the parts of an address; whether mail gets there is not looked at.

    Raises:
        ValueError: it is none.
    """
    # Its patterns take 13 ms to compile, which workers that serve the API alone need not wait for.
    from email_validator import SPECIAL_USE_DOMAIN_NAMES, validate_email

    # Inside a company, admin@intranet.local is as good an address as any, so no ending is refused. The library
    # documents its list as the one to change. Source: https://github.com/JoshData/python-email-validator
    SPECIAL_USE_DOMAIN_NAMES.clear()
    return validate_email(text, check_deliverability=False, globally_deliverable=False)
