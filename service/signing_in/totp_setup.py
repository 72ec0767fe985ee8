"""A secret on its way into a member's authenticator app: shown, and not yet in force.

Nothing is stored until a code proves that the app has it. Meanwhile the page's form carries the secret, encrypted
for the account, the browser and an hour.
"""

from __future__ import annotations

import base64
import binascii
import time

from msgspec import Struct

from service.keys import WrongKey
from service.refusals import MembershipError
from service.services import services

LASTS_S = 3600
_KIND = "setup"


class SetupOver(MembershipError):
    """The form holds no secret that could be put into force."""


class Setup(Struct, frozen=True):
    """A secret in base32, and for whom it was made; ``made_at`` in Unix seconds."""

    secret: str
    account_id: int
    browser_id: int
    made_at: int

    @classmethod
    def new(cls, account_id: int, browser_id: int) -> Setup:
        """Make a secret of 160 random bits (RFC 4226, section 4, R6)."""
        import pyotp  # as below: nobody but who sets an app up needs these libraries

        return cls(pyotp.random_base32(32), account_id, browser_id, int(time.time()))

    @classmethod
    def opened(cls, sealed: str, account_id: int) -> Setup:
        """Read what ``sealed`` made for the same account.

        Raises:
            SetupOver: it is something else.
        """
        try:
            box = base64.urlsafe_b64decode(sealed.encode())
            text = services().keyring.open_totp_secret(box, account_id)
            kind, browser_id, made_at, secret = text.split(":")
            if kind != _KIND:
                raise ValueError(kind)
            return cls(secret, account_id, int(browser_id), int(made_at))
        except (binascii.Error, ValueError, WrongKey) as error:
            raise SetupOver("This page is out of date. Scan the new secret.") from error

    def sealed(self) -> str:
        """Return it encrypted, as letters, for a form's hidden field."""
        text = f"{_KIND}:{self.browser_id}:{self.made_at}:{self.secret}"
        return base64.urlsafe_b64encode(services().keyring.seal_totp_secret(text, self.account_id)).decode()

    def is_for(self, account_id: int, browser_id: int) -> bool:
        """Tell whether it was shown to this browser, lately enough."""
        is_fresh = 0 <= time.time() - self.made_at + 1 <= LASTS_S
        return is_fresh and (self.account_id, self.browser_id) == (account_id, browser_id)

    def address(self, email: str) -> str:
        """Return the ``otpauth://`` address that authenticator apps read."""
        import pyotp

        return pyotp.TOTP(self.secret).provisioning_uri(name=email, issuer_name=services().catalog.service.name)

    def picture(self, email: str) -> str:
        """Return that address as a QR code: an SVG element, without style, script or outside reference."""
        import segno

        code = segno.make(self.address(email), error="m", micro=False)
        return code.svg_inline(omitsize=True, border=4, light="#fff", dark="#000", svgclass="qr", lineclass=None)

    def spelt(self) -> str:
        """Return the secret in groups of four, for typing."""
        return " ".join(self.secret[start : start + 4] for start in range(0, len(self.secret), 4))
