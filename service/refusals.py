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
    """A one-time link is used, expired or wrong, or what it is for is done already."""


class RegistrationClosed(MembershipError):
    """Nobody may sign up, or not in this way."""


class NoSuchInvite(MembershipError):
    """No such invite, or none that could still be used."""


class UnfitLifetime(MembershipError):
    """A time for an invite that is too short or too long."""


class WrongPassword(MembershipError):
    """Not the account's password."""


class AccountChanged(MembershipError):
    """The account's password or state changed while something was under way that relied on it."""


class LastOperator(MembershipError):
    """Nobody could use the operator pages any more."""


class UnfitBonus(MembershipError):
    """A bonus of no prompts, of too many, or whose time is over."""


class UpgradeError(MembershipError):
    """Something that cannot be done with upgrade requests."""


class UnfitNote(UpgradeError):
    """A note or a message that is too long or no valid text."""


class NothingToChange(UpgradeError):
    """The account holds that plan, or has none that could be changed."""


class AlreadyPending(UpgradeError):
    """The account has a request that nobody has decided yet."""


class NoSuchRequest(UpgradeError):
    """No such upgrade request, or not one of this account."""


class AlreadyDecided(UpgradeError):
    """Somebody was quicker: the request is not pending any more."""
