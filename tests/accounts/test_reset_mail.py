"""A reset link that an operator has mailed from the page of an account."""

from __future__ import annotations

from pathlib import Path

from service.accounts import membership
from tests.accounts.house import BOSS, PASSWORD, Visitor, open_house
from tests.accounts.mailing import deliver, house_and_post

OPERATOR, MEMBER = "operator@example.org", "member@example.org"


def test_operator_has_a_link_mailed_that_nobody_else_sees(tmp_path: Path) -> None:
    with house_and_post(tmp_path) as (app, post):
        with app.app_context():
            membership.create(OPERATOR, PASSWORD, None, is_operator=True, by=BOSS)
            member = membership.create(MEMBER, PASSWORD, None, is_operator=False, by=BOSS)[0]
        boss = Visitor(app)
        boss.sign_in(OPERATOR)
        page = f"/admin/accounts/{member.id}"
        done = boss.send(page, f"{page}/reset-mail")
        assert done.status_code == 303
        shown = boss.get(page).text
        assert f"A reset link is on its way to {MEMBER}." in shown
        assert "/reset/" not in shown
        assert "reset_link.mailed" in shown
        deliver(app)
        [mail] = post.mails
        assert mail.recipients == [MEMBER]
        guest = Visitor(app)
        assert MEMBER in guest.get(mail.link("reset")).text

        boss.send(page, f"{page}/suspend")
        boss.send(page, f"{page}/reset-mail")
        assert "Resume it first, then mail the link." in boss.get(page).text
        deliver(app)
        assert len(post.mails) == 1


def test_page_offers_mail_only_where_a_server_is_configured(tmp_path: Path) -> None:
    with open_house(f"sqlite:///{tmp_path / 'smartroute.db'}") as app:
        with app.app_context():
            membership.create(OPERATOR, PASSWORD, None, is_operator=True, by=BOSS)
        boss = Visitor(app)
        boss.sign_in(OPERATOR)
        assert "Mail a reset link" not in boss.get("/admin/accounts/1").text
        boss.send("/admin/accounts/1", "/admin/accounts/1/reset-mail")
        assert "No mail server is configured." in boss.get("/admin/accounts/1").text
