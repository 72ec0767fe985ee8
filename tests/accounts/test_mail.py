"""Handing one mail to a mail server: plain, by STARTTLS, by TLS; and servers that refuse, hang, vanish or lie."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from catalog.model import MailSecurity, MailServer
from service.mail.mail import Mail, MailTrouble
from service.mail.smtp import Mailer
from tests.accounts.mail_server import PASSWORD, USER, Post, certificate, mail_server, silent_server
from tests.harness.processes import free_port

MAIL = Mail("member@example.org", "Hello", "One line.\n\nhttp://127.0.0.1/confirm/secret\n")


def mailer(
    port: int,
    security: MailSecurity = "none",
    *,
    username: str | None = None,
    password: str | None = None,
    timeout: float = 5,
    host: str = "127.0.0.1",
) -> Mailer:
    server = MailServer(
        host=host,
        port=port,
        username=username,
        password_env=None if username is None else "MAIL_PASSWORD",
        security=security,
        sender_name="Smart Route, for us",
        sender="ai@example.org",
        timeout=timeout,
    )
    return Mailer(server, "ai.example.org", password)


def trouble_of(mailer: Mailer, mail: Mail = MAIL) -> MailTrouble:
    with pytest.raises(MailTrouble) as caught:
        mailer.send(mail)
    assert PASSWORD not in caught.value.in_full
    assert "secret" not in caught.value.in_full
    return caught.value


def test_mail_arrives_as_it_was_written_to_one_recipient() -> None:
    with mail_server() as post:
        mailer(post.port).send(MAIL)
        [got] = post.mails
    assert (got.sender, got.recipients) == ("ai@example.org", ["member@example.org"])
    assert got.text == MAIL.text
    assert got.message["Subject"] == "Hello"
    assert got.message["From"] == '"Smart Route, for us" <ai@example.org>'
    assert got.message["To"] == "member@example.org"
    assert got.message["Auto-Submitted"] == "auto-generated"
    assert got.message.get_content_type() == "text/plain"
    assert got.message["Date"]
    assert got.message["Message-ID"].endswith("@example.org>")


def test_letters_of_all_kinds_arrive_in_subject_and_text() -> None:
    with mail_server() as post:
        mailer(post.port).send(Mail("member@exämple.org", "Grüße, 世界", "Žluťoučký 🐎\n"))
        [got] = post.mails
    assert (got.message["Subject"], got.text) == ("Grüße, 世界", "Žluťoučký 🐎\n")
    assert got.recipients == ["member@xn--exmple-cua.org"]


@pytest.mark.parametrize(
    "mail",
    [
        Mail("member@example.org\r\nBcc: other@example.org", "Hello", "x\n"),
        Mail("member@example.org, other@example.org", "Hello", "x\n"),
        Mail("member@example.org", "Hello\r\nBcc: other@example.org", "x\n"),
        Mail("member@example.org", "Hello\nBcc: other@example.org", "x\n"),
    ],
)
def test_header_cannot_be_smuggled_in(mail: Mail) -> None:
    with mail_server() as post:
        assert trouble_of(mailer(post.port), mail).is_final
        assert post.mails == []


def test_line_with_a_dot_alone_does_not_end_the_mail() -> None:
    with mail_server() as post:
        mailer(post.port).send(Mail("member@example.org", "Hello", "before\n.\nRCPT TO:<other@example.org>\n"))
        [got] = post.mails
    assert got.text == "before\n.\nRCPT TO:<other@example.org>\n"


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_password_goes_to_a_server_whose_certificate_is_right_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, security: MailSecurity
) -> None:
    context, trusted = certificate(tmp_path)
    options = {"tls": True, "auth_require_tls": False} if security == "tls" else {"require_starttls": True}
    post = Post()
    with mail_server(post, context=context, authenticator=post.authenticate, **options):
        sender = mailer(post.port, security, username=USER, password=PASSWORD)
        stranger = trouble_of(sender)
        assert "certificate" in str(stranger)
        assert not stranger.is_final
        assert (post.mails, post.signed_in) == ([], [])

        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        sender.send(MAIL)
        assert len(post.mails) == 1
        assert post.signed_in == [(USER, PASSWORD)]

        other_host = trouble_of(mailer(post.port, security, username=USER, password=PASSWORD, host="localhost"))
        assert "certificate" in str(other_host)

        wrong = trouble_of(mailer(post.port, security, username=USER, password="another"))
        assert "user name and password (535)" in str(wrong)
        assert not wrong.is_final
        assert len(post.mails) == 1


def test_server_without_starttls_gets_nothing_in_clear() -> None:
    post = Post()
    with mail_server(post):
        refused = trouble_of(mailer(post.port, "starttls", username=USER, password=PASSWORD))
    assert "offers no STARTTLS" in str(refused)
    assert (post.mails, post.signed_in) == ([], [])


def test_plain_server_spoken_to_by_tls_is_told_as_such() -> None:
    with mail_server() as post:
        assert "speaks no TLS" in str(trouble_of(mailer(post.port, "tls")))


def test_password_that_is_not_set_is_said_by_the_name_of_its_variable() -> None:
    assert str(trouble_of(mailer(1, username=USER))) == "MAIL_PASSWORD, the password of the mail server, is not set."


@pytest.mark.parametrize(
    ("reply", "is_final"), [("550 5.1.1 no such member@example.org", True), ("451 4.7.1 come back later", False)]
)
def test_refused_recipient_is_final_if_the_server_says_so(reply: str, is_final: bool) -> None:
    with mail_server(Post(refuse_recipient=reply)) as post:
        refused = trouble_of(mailer(post.port))
    assert refused.is_final == is_final
    assert reply[:3] in str(refused)
    assert "member@example.org" not in str(refused)
    assert reply[4:] in refused.in_full


@pytest.mark.parametrize(("reply", "is_final"), [("554 looks like junk", True), ("452 disk full", False)])
def test_refused_mail_is_final_if_the_server_says_so(reply: str, is_final: bool) -> None:
    with mail_server(Post(refuse_mail=reply)) as post:
        refused = trouble_of(mailer(post.port))
    assert (refused.is_final, reply[4:] in refused.in_full) == (is_final, True)


def test_server_that_never_speaks_is_waited_for_no_longer_than_told() -> None:
    began = time.monotonic()
    with silent_server() as port:
        assert "in time" in str(trouble_of(mailer(port, timeout=0.5)))
    assert time.monotonic() - began < 4


def test_server_that_vanishes_in_the_middle_has_not_taken_the_mail() -> None:
    with mail_server(Post(vanish=True)) as post:
        assert "ended the connection" in str(trouble_of(mailer(post.port)))


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid", "a..b"])
def test_server_that_is_not_there_is_a_sentence(host: str) -> None:
    assert f"{host}:" in str(trouble_of(mailer(free_port(), host=host)))
