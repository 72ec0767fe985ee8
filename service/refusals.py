"""What cannot be done with accounts, and why. The text of each is a sentence for whoever asked for it."""

from __future__ import annotations


class MembershipError(Exception):
    """Something that cannot be done; the text is a sentence for whoever asked for it."""


class UnfitEmail(MembershipError):
    """Not an e-mail address."""


class EmailTaken(MembershipError):
    """A living account has this address."""


class Suspended(MembershipError):
    """The operator has suspended the account of this address."""


class NoSuchAccount(MembershipError):
    """No living account has this address."""


class UnknownPlan(MembershipError):
    """The catalog has no such plan."""


class LinkNotUsable(MembershipError):
    """The operator link is used, expired or wrong, or an operator exists already."""
