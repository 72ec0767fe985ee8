"""``flask accounts totp``: how an account's two-step sign-in stands, and switching it off for a lost phone."""

from __future__ import annotations

import click

from commands.acting import at_the_terminal
from commands.output import Answer, answers, in_service


@click.command("totp")
@click.argument("email")
@click.option("--off", is_flag=True, help="Ask for no code any more: the password alone signs in.")
@answers
@in_service
def totp_state(email: str, off: bool) -> Answer:
    """Tell whether an account's sign-in asks for a code; switch that off for a member who lost the phone."""
    from service.accounts import membership
    from service.signing_in import totp

    member = membership.find(email)
    if off and totp.switch_off_for(member.id, at_the_terminal()):
        return Answer(_document(member.email, None), f"The two-step sign-in of {member.email} is off.")
    state = totp.state(member.id)
    if state is None:
        return Answer(_document(member.email, None), f"{member.email} signs in by the password alone.")
    text = f"{member.email} signs in in two steps; {state.recovery_codes_left} recovery codes are left."
    return Answer(_document(member.email, state.recovery_codes_left), text)


def _document(email: str, recovery_codes_left: int | None) -> dict[str, object]:
    return {"email": email, "totp": recovery_codes_left is not None, "recovery_codes_left": recovery_codes_left}
