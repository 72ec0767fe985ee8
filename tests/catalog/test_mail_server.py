"""The [smtp] table: what is filled in, what is refused, what is said at start."""

from __future__ import annotations

import pytest

from tests.catalog.conftest import Read, Refusal

SMTP = '[smtp]\nhost = "mail.example.org"\nfrom = "ai@example.org"\n'
WITH_USER = SMTP + 'username = "ai"\npassword_env = "MAIL_PASSWORD"\n'


def test_without_the_table_no_mail_is_sent(read: Read) -> None:
    assert read().mail_server is None
    assert read("[service]\n").mail_server is None


def test_the_table_needs_host_and_sender_alone(read: Read) -> None:
    server = read(SMTP).mail_server
    assert server is not None
    assert (server.host, server.port, server.security) == ("mail.example.org", 587, "starttls")
    assert (server.sender_name, server.sender, server.timeout) == ("", "ai@example.org", 10.0)
    assert (server.username, server.password({})) == (None, None)


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_the_usual_port_follows_the_security(read: Read, security: str, port: int) -> None:
    server = read(SMTP + f'security = "{security}"\n').mail_server
    assert server is not None
    assert server.port == port


@pytest.mark.parametrize("sender", ["Smart Route <ai@example.org>", '\\"Route, Smart\\" <ai@example.org>'])
def test_the_sender_may_have_a_name(read: Read, sender: str) -> None:
    server = read(SMTP.replace('"ai@example.org"', f'"{sender}"')).mail_server
    assert server is not None
    assert server.sender == "ai@example.org"
    assert set(server.sender_name.replace(",", "").split()) == {"Smart", "Route"}


@pytest.mark.parametrize(
    "sender", ["nobody", "a@b@c", "a@b, c@d", "Route, Smart <ai@example.org>", "ai@exämple.org", "<>", "@example.org"]
)
def test_a_sender_that_is_no_single_address_is_refused(refusal: Refusal, sender: str) -> None:
    message = refusal(SMTP.replace("ai@example.org", sender))
    assert message.startswith("smartroute.toml:3: smtp.from: expected an address such as")


@pytest.mark.parametrize(
    ("lines", "place", "expected"),
    [
        ('from = "a@b.org"\n', "1: smtp.host", "this key, it is missing"),
        ('host = "mail.example.org"\n', "1: smtp.from", "this key, it is missing"),
        (SMTP[7:] + 'host2 = "x"\n', "4: smtp.host2", 'did you mean "host"?'),
        (SMTP[7:].replace("mail.", "smtp://mail."), "2: smtp.host", "the name or address of a mail server"),
        (SMTP[7:] + 'security = "ssl"\n', "4: smtp.security", 'one of "starttls", "tls", "none"'),
        (SMTP[7:] + "port = 0\n", "4: smtp.port", "at least 1"),
        (SMTP[7:] + "port = 65536\n", "4: smtp.port", "at most 65,535"),
        (SMTP[7:] + "timeout = 61\n", "4: smtp.timeout", "at most 60 seconds"),
        (SMTP[7:] + 'username = "ai"\n', "1: smtp.password_env", "this key beside username"),
        (SMTP[7:] + 'password_env = "P"\n', "1: smtp.username", "this key beside password_env"),
    ],
)
def test_a_wrong_value_is_refused_with_its_line(refusal: Refusal, lines: str, place: str, expected: str) -> None:
    message = refusal("[smtp]\n" + lines)
    assert message.startswith(f"smartroute.toml:{place}: expected ")
    assert expected in message


def test_a_password_in_the_file_is_refused_without_showing_it(refusal: Refusal) -> None:
    assert "verysecret" not in refusal(WITH_USER.replace("MAIL_PASSWORD", "verysecret"))
    assert "verysecret" not in refusal(SMTP + 'password = "verysecret"\n')


def test_a_password_that_is_not_set_is_said_at_start(read: Read) -> None:
    [notice] = [each for each in read(WITH_USER).notices if "mail" in each]
    assert notice == "smartroute.toml: no mail can be sent: MAIL_PASSWORD, the password of the mail server, is not set"
    catalog = read(WITH_USER, {"MAIL_PASSWORD": "verysecret"})
    assert not [each for each in catalog.notices if "mail" in each]
    assert "verysecret" not in repr(catalog)


def test_a_password_that_travels_in_clear_is_said_at_start(read: Read) -> None:
    plain, set_ = WITH_USER + 'security = "none"\n', {"MAIL_PASSWORD": "x"}
    [notice] = [each for each in read(plain, set_).notices if "mail" in each]
    assert "in clear" in notice
    assert not [each for each in read(plain.replace("mail.example.org", "127.0.0.1"), set_).notices if "clear" in each]
