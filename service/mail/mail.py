"""A mail, and what can go wrong with one."""

from __future__ import annotations

from msgspec import Struct


class Mail(Struct, frozen=True):
    """What one person is to read."""

    to: str
    subject: str
    text: str
    """Plain text, lines of at most 78 characters but for links."""


class MailTrouble(Exception):
    """A mail that was not handed in; the text is a sentence for the operator, without anybody's address.

    ``reply`` is what the server said, which may name the recipient; empty where it said nothing. ``is_final``: the
    same mail would be refused again.
    """

    def __init__(self, text: str, *, reply: str = "", is_final: bool = False) -> None:
        super().__init__(text)
        self.reply = reply
        self.is_final = is_final

    @property
    def in_full(self) -> str:
        """The sentence, and what the server said."""
        return f"{self} It said: {self.reply}" if self.reply else str(self)
