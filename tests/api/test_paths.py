"""Where the API answers, and that everything below its mounts is answered as an API."""

from __future__ import annotations

import socket

import pytest
import requests

from tests.api.client import Api, error_of

SLUG = "smart-routing-ai-model"
BODY = {"model": "plain", "messages": [{"role": "user", "content": "[[reply here]]"}]}


@pytest.mark.parametrize(
    "path",
    [
        "/v1/chat/completions",
        "/v1/chat/completions/",
        "/v1/v1/chat/completions",
        "/v1//chat/completions",
        "//v1/chat//completions//",
        f"/api/{SLUG}/v1/chat/completions",
        f"/api/{SLUG}/v1/v1/chat/completions/",
        f"/api/{SLUG}/chat/completions",
        f"/api//{SLUG}/v1//chat/completions",
    ],
)
def test_both_mounts_and_every_tolerated_spelling_answer(api: Api, path: str) -> None:
    http_response = api.session.post(api.gateway.url + path, json=BODY, timeout=5, allow_redirects=False)
    assert http_response.json()["choices"][0]["message"]["content"] == "here"


@pytest.mark.parametrize(
    "path", ["/v1/models/plain", "/v1/models/plain/", f"/api/{SLUG}/models/plain", "/v1//models/plain"]
)
def test_one_model_is_shown_under_every_spelling(api: Api, path: str) -> None:
    model = api.session.get(api.gateway.url + path, timeout=5).json()
    assert (model["id"], model["object"], model["available"]) == ("plain", "model", True)


@pytest.mark.parametrize("name", ["vendor/model", "vendor%2Fmodel", "a%20b", "%E6%BC%A2"])
def test_unknown_model_with_any_characters_is_404_in_openais_shape(api: Api, name: str) -> None:
    http_response = api.session.get(f"{api.url}/models/{name}", timeout=5)
    error = error_of(http_response)
    assert (http_response.status_code, error["code"], error["param"]) == (404, "model_not_found", "model")


def test_model_list_holds_every_alias_with_its_metadata_and_no_backend(api: Api) -> None:
    http_response = api.session.get(f"{api.url}/models", timeout=5)
    listed = http_response.json()
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]][:3] == ["plain", "patient", "capped"]
    for model in listed["data"]:
        assert {"name", "display_name", "context_length", "max_output_tokens", "architecture"} <= model.keys()
        assert {"top_provider", "supported_parameters", "supports_tools", "supports_streaming"} <= model.keys()
        assert not {"pricing", "routes", "upstream"} & model.keys()
    assert "demo" not in http_response.text


def test_models_above_the_plan_say_so(small: Api) -> None:
    listed = small.session.get(f"{small.url}/models", timeout=5).json()["data"]
    assert [model["id"] for model in listed if model["available"]] == ["plain"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1", 404, "unknown_url"),
        ("GET", "/v1/", 404, "unknown_url"),
        ("POST", "/v1/nothing", 404, "unknown_url"),
        ("GET", "/v1/%00%ff", 404, "unknown_url"),
        ("GET", "/v1/../v1/nothing", 404, "unknown_url"),
        ("GET", "/api/", 404, "unknown_url"),
        ("GET", "/api/another-slug/v1/models", 404, "unknown_url"),
        ("POST", f"/api/{SLUG}/v1/nothing", 404, "unknown_url"),
        ("DELETE", "/v1/models/plain", 404, "unknown_url"),
        ("GET", "/v1/chat/completions", 405, "method_not_allowed"),
        ("PUT", "/v1/chat/completions", 405, "method_not_allowed"),
        ("PATCH", "/v1/models", 405, "method_not_allowed"),
        ("POST", "/v1/usage", 405, "method_not_allowed"),
        ("BREW", "/v1/usage", 405, "method_not_allowed"),
    ],
)
def test_wrong_addresses_and_methods_are_json_errors(api: Api, method: str, path: str, status: int, code: str) -> None:
    request = requests.Request(method, api.gateway.url).prepare()
    request.url = api.gateway.url + path  # as it is, dots and all
    request.headers["Authorization"] = f"Bearer {api.token}"
    http_response = requests.Session().send(request, timeout=5)
    error = error_of(http_response)
    assert (http_response.status_code, error["code"], error["type"]) == (status, code, "invalid_request_error")
    if status == 405:
        assert http_response.headers["Allow"]
        assert method not in http_response.headers["Allow"].split(", ")


@pytest.mark.parametrize(("path", "status"), [("/v1/models", 200), ("/v1/chat/completions", 405), ("/v1/x", 404)])
def test_head_is_answered_without_a_body(api: Api, path: str, status: int) -> None:
    http_response = api.session.head(api.gateway.url + path, timeout=5)
    assert (http_response.status_code, http_response.content) == (status, b"")
    assert http_response.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/anything", f"/api/{SLUG}/v1/models"])
def test_preflight_of_any_site_is_allowed_with_the_headers_it_asks_for(api: Api, path: str) -> None:
    asked = {"Origin": "https://x.example", "Access-Control-Request-Headers": "authorization,x-stainless-lang"}
    http_response = requests.options(api.gateway.url + path, headers=asked, timeout=5)
    assert (http_response.status_code, http_response.content) == (204, b"")
    assert http_response.headers["Access-Control-Allow-Origin"] == "*"
    assert http_response.headers["Access-Control-Allow-Headers"] == "authorization,x-stainless-lang"
    assert "POST" in http_response.headers["Access-Control-Allow-Methods"]


def test_answers_may_be_read_by_any_site_and_pages_may_not(api: Api) -> None:
    for http_response in (api.chat("x", model="plain"), api.chat("x", model="nothing")):
        assert http_response.headers["Access-Control-Allow-Origin"] == "*"
        assert "x-request-id" in http_response.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Origin" not in requests.get(f"{api.gateway.url}/", timeout=5).headers


def test_api_knows_no_session_and_sets_no_cookie(api: Api) -> None:
    cookie = {"Cookie": "smartroute_session=eyJ4IjoxfQ.x.y"}
    for http_response in (
        api.session.get(f"{api.url}/models", headers=cookie, timeout=5),
        requests.get(f"{api.url}/models", headers=cookie, timeout=5),
        requests.get(f"{api.url}/nothing", timeout=5),
    ):
        assert "Vary" not in http_response.headers
        assert "Set-Cookie" not in http_response.headers
        assert http_response.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


# -- who asks


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic eDp5",
        "Bearer sr_wrong",
        "Bearer sk-1234567890",
        "Bearer " + "x" * 10_000,
        "Bearer sr_" + "0" * 33,
        "Bearer \xff\xfe",
        "Bearer a b c",
        "sr_0000",
    ],
)
def test_missing_or_malformed_token_is_401_before_the_body_is_looked_at(api: Api, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization.encode("latin-1")}
    http_response = requests.post(f"{api.url}/chat/completions", data=b"not json", headers=headers, timeout=5)
    error = error_of(http_response)
    assert (http_response.status_code, error["code"]) == (401, "invalid_api_key")


def test_scheme_is_read_in_any_case(api: Api) -> None:
    http_response = requests.get(f"{api.url}/models", headers={"Authorization": f"bEARER  {api.token} "}, timeout=5)
    assert http_response.status_code == 200


def test_request_id_is_ours_and_new_for_every_answer(api: Api) -> None:
    ids = {
        http_response.headers["x-request-id"]
        for http_response in (
            api.session.get(f"{api.url}/models", headers={"x-request-id": "mine"}, timeout=5),
            api.session.get(f"{api.url}/models", timeout=5),
            requests.get(f"{api.url}/models", timeout=5),
        )
    }
    assert len(ids) == 3
    assert all(request_id.startswith("req_") and len(request_id) >= 28 for request_id in ids)


def test_headers_that_do_not_fit_end_the_connection_and_not_the_worker(api: Api) -> None:
    for head in (b"X-Long: " + b"x" * 100_000, b"X-Bad\x00: 1", b"Authorization: Bearer a\r\n b"):
        with socket.create_connection(("127.0.0.1", api.gateway.port), timeout=5) as client:
            client.sendall(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n\r\n")
            assert client.recv(20).startswith(b"HTTP/1.1 4")
    assert api.session.get(f"{api.url}/models", timeout=5).status_code == 200


def test_usage_shows_both_windows_and_counts_nothing(small: Api) -> None:
    small.chat("x")
    shown = [small.session.get(f"{small.url}/usage", timeout=5).json() for _ in range(2)]
    assert shown[0]["day"] == shown[1]["day"]
    assert (shown[0]["plan"], shown[0]["model"]) == ("small", "plain")
    assert {key: shown[0]["day"][key] for key in ("limit", "used", "left")} == {"limit": 5, "used": 1, "left": 4}
    assert {key: shown[0]["month"][key] for key in ("limit", "used", "left")} == {"limit": 50, "used": 1, "left": 49}


@pytest.mark.parametrize("path", ["/v1/responses", "/api/smart-routing-ai-model/v1/responses"])
def test_conf_077_websocket_upgrade_426(api: Api, path: str) -> None:
    handshake = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    answer = requests.get(api.gateway.url + path, headers=handshake, timeout=10)
    assert answer.status_code == 426
    assert answer.json()["error"]["code"] == "upgrade_required"
