"""Forms that take a password: what is no text in a field's place is a fault of that field."""

from __future__ import annotations

import io
from collections.abc import Mapping

import pytest
from flask import Flask

from service.accounts import membership
from service.accounts.operator_link import hand_out_operator_link
from service.signing_in import reset_links
from tests.accounts.house import PASSWORD, Visitor, csrf_token

EMAIL = "member@example.org"
TEXTS = {"email": "new@example.org", "password": "another password", "present": PASSWORD}
FORMS = [
    ("/sign-in", "email"),
    ("/sign-in", "password"),
    ("/sign-up", "email"),
    ("/sign-up", "password"),
    ("/operator", "email"),
    ("/operator", "password"),
    ("/reset", "password"),
    ("/account/password", "present"),
    ("/account/password", "password"),
    ("/account/delete", "present"),
]


def opened(app: Flask, form: str) -> tuple[Visitor, str, str]:
    """Open the page of a form; gives who did, its address and its CSRF token."""
    visitor, page = Visitor(app), form
    with app.app_context():
        if form == "/operator":
            page = f"/operator?link={hand_out_operator_link().partition('link=')[2]}"
        elif form != "/sign-up":
            member = membership.sign_up(EMAIL, PASSWORD)
            if form == "/reset":
                page = f"/reset/{reset_links.hand_out(member.id).address.rpartition('/')[2]}"
    if form.startswith("/account"):
        visitor.sign_in(EMAIL)
    return visitor, page, csrf_token(visitor.get(page).text)


def texts_but(field: str) -> Mapping[str, str]:
    """What a form is sent, all but one of its fields."""
    return {name: text for name, text in TEXTS.items() if name != field}


@pytest.mark.parametrize(("form", "field"), FORMS)
def test_file_in_the_place_of_a_field_is_a_fault_of_the_field(app: Flask, form: str, field: str) -> None:
    visitor, page, token = opened(app, form)
    parts = {**texts_but(field), "csrf_token": token, field: (io.BytesIO(b"a file"), "a")}
    answer = visitor.client.post(page, data=parts, content_type="multipart/form-data")
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text


@pytest.mark.parametrize(("form", "field"), FORMS)
def test_json_in_the_place_of_a_form_is_a_fault_of_its_fields(app: Flask, form: str, field: str) -> None:
    visitor, page, token = opened(app, form)
    for body in ({**texts_but(field), field: 1}, {**texts_but(field), field: {"a": []}}, TEXTS, [1], 1):
        answer = visitor.client.post(page, json=body, headers={"X-CSRFToken": token})
        assert answer.status_code == 422, body
