"""Routes of one alias that can do different things: a call goes to the one that can take it."""

from __future__ import annotations

import pytest

from tests.api.client import Api, error_of

IMAGE = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_image_goes_to_the_route_that_takes_images(api: Api, stream: bool) -> None:
    told = [{"role": "user", "content": [{"type": "input_text", "text": "[[reply seen]]"}, IMAGE]}]
    body = {"model": "differing", "input": told, "stream": stream, "store": False}
    http_response = api.session.post(f"{api.url}/responses", json=body, timeout=10)
    assert http_response.status_code == 200, http_response.text
    assert "seen" in http_response.text
    row = api.closed_row(http_response.headers["x-request-id"])
    assert (row["status"], row["upstream_model"], row["attempts"]) == ("completed", "wide-model", 1)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_image_that_no_route_takes_is_refused_and_sent_to_nobody(api: Api, stream: bool) -> None:
    body = {"model": "blind", "input": [{"role": "user", "content": [IMAGE]}], "stream": stream, "store": False}
    http_response = api.session.post(f"{api.url}/responses", json=body, timeout=10)
    assert http_response.status_code == 400
    assert error_of(http_response)["param"].startswith("input")
    row = api.row(http_response.headers["x-request-id"])
    assert (row["status"], row["attempts"], row["counted"]) == ("failed", 0, 0)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_prompt_that_one_route_cannot_hold_goes_to_the_wider_one(api: Api, stream: bool) -> None:
    words = "[[only narrow-model]] [[status 400]] [[body context]] [[only wide-model]] [[reply fits]]"
    http_response = api.chat(words, model="differing", stream=stream)
    assert http_response.status_code == 200, http_response.text
    row = api.closed_row(http_response.headers["x-request-id"])
    assert (row["status"], row["upstream_model"], row["attempts"]) == ("completed", "wide-model", 2)
