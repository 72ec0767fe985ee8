"""``flask upstreams check``: what it finds of upstreams that are right but for one thing, and what to change then."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from click.testing import CliRunner

from commands.upstreams import upstreams
from tests.api.conftest import self_signed_server
from tests.commands.quirky import KEY, SLOW_S, QuirkyServer, quirky_server
from tests.faults.server import blackhole
from tests.harness.demo import Demo
from tests.harness.gateway import Gateway
from tests.harness.processes import Processes, free_port

QUIRKS = (
    "right", "no-tools", "no-call", "no-effort", "no-json", "prose", "only-chat", "only-responses", "whole", "page",
    "nothing", "no-list", "busy", "slow", "newer-limit", "refused-key", "wants-key", "compressed",
)  # fmt: skip
TIMEOUT_S = 1.5


@dataclass
class Checked:
    """What one run of the command gave."""

    done: subprocess.CompletedProcess[str]
    server: QuirkyServer
    document: dict[str, Any]

    def route(self, upstream: str, model: str = "qwen3:8b") -> dict[str, Any]:
        """The entry of a route."""
        [found] = [each for each in self.document["routes"] if (each["upstream"], each["model"]) == (upstream, model)]
        return dict(found)


def upstream(name: str, base_url: str, **keys: Any) -> str:
    """A table of the catalog's file."""
    lines = [f'[[upstreams]]\nname = "{name}"\nbase_url = "{base_url}"\nconnect_timeout = 1']
    return "\n".join([*lines, *(f"{key} = {json.dumps(value)}" for key, value in keys.items())])


def profile(alias: str, *routes: str) -> str:
    """A table of the catalog's file; each route is the inside of an inline table."""
    return f'[[profiles]]\nalias = "{alias}"\nroutes = [{", ".join(f"{{ {route} }}" for route in routes)}]'


def command(processes: Processes, *tables: str, **env: str) -> Gateway:
    """The commands of a gateway that is not running."""
    database = processes.new_folder("database") / "smartroute.db"
    return Gateway(processes, database_url=f"sqlite:///{database}", config="\n\n".join(tables), env=env)


@pytest.fixture(scope="module")
def checked(processes: Processes) -> Iterator[Checked]:
    """One check of all of them."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(quirky_server())
        tls = stack.enter_context(self_signed_server(processes.new_folder("tls")))
        slow_connect = stack.enter_context(blackhole())
        tables = [
            upstream(quirk, server.base_url(quirk), **({"api_key_env": "EAST_KEY"} if quirk == "refused-key" else {}))
            for quirk in QUIRKS
        ]
        tables += [
            upstream("both", server.base_url("only-chat"), dialect="both"),
            upstream("native", server.base_url("only-responses"), dialect="responses"),
            upstream("unset-key", server.base_url("wants-key"), api_key_env="NO_SUCH_KEY"),
            upstream("no-v1", server.base_url("right").removesuffix("/v1")),
            upstream("closed", f"http://127.0.0.1:{free_port()}/v1"),
            upstream("nameless", "http://no-such-host.invalid/v1"),
            upstream("untrusted", f"https://127.0.0.1:{tls}/v1"),
            upstream("far", f"http://127.0.0.1:{slow_connect}/v1"),
        ]
        names = [*QUIRKS, "both", "native", "unset-key", "no-v1", "closed", "nameless", "untrusted", "far"]
        tables.append(profile("smart-route-mini", *(f'upstream = "{name}", model = "qwen3:8b"' for name in names)))
        tables.append(
            profile(
                "smart-route",
                'upstream = "right", model = "qwen3:8b"',
                'upstream = "right", model = "qwen3:14"',
                'upstream = "right", model = "qwen3:14b", context_length = 99000, reasoning_efforts = []',
                'upstream = "right", model = "llama-3.3-70b", tools = false, structured_output = false',
            )
        )
        gateway = command(processes, *tables, EAST_KEY=KEY)
        done = gateway.flask("upstreams", "check", "--timeout", str(TIMEOUT_S), "--json")
        yield Checked(done, server, json.loads(done.stdout))


def test_right_upstream_is_ok_with_all_that_was_found(checked: Checked) -> None:
    route = checked.route("right")
    assert route["first_output_ms"] >= 0
    del route["first_output_ms"]
    assert route == {
        "upstream": "right",
        "model": "qwen3:8b",
        "profiles": ["smart-route-mini", "smart-route"],
        "dialect": "chat",
        "answers": ["chat", "responses"],
        "streaming": True,
        "tools": True,
        "effort": "medium",
        "effort_accepted": True,
        "structured_output": True,
        "context_length": 8192,
        "requests": 4,
        "verdict": "ok",
        "says": [
            'dialect = "both" would do, too: it answers in the Responses API.',
            "context_length = 8192 would keep longer prompts away: its list of models says so.",
        ],
    }


@pytest.mark.parametrize(
    ("name", "fact", "says"),
    [
        ("no-tools", "tools", "tools = false: HTTP 400: this model does not support tools."),
        ("no-call", "tools", "tools = false: a tool that had to be called was not."),
        ("no-effort", "effort_accepted", 'reasoning_efforts = []: "low" is refused (HTTP 400: unknown field'),
        ("no-json", "structured_output", "structured_output = false: HTTP 400: response_format is not supported."),
        ("prose", "structured_output", "structured_output = false: the answer to a JSON schema is no JSON."),
        ("both", None, 'dialect = "chat": no answer in the Responses API (HTTP 404: no such page).'),
    ],
)
def test_route_that_serves_in_part_names_the_key_to_change(
    checked: Checked, name: str, fact: str | None, says: str
) -> None:
    route = checked.route(name)
    assert (route["verdict"], route["says"][0][: len(says)]) == ("change", says)
    facts = ("tools", "effort_accepted", "structured_output")
    assert [each for each in facts if route[each] is False] == ([fact] if fact else [])


def test_window_that_is_smaller_than_the_file_says_is_named(checked: Checked) -> None:
    route = checked.route("right", "qwen3:14b")
    assert route["verdict"] == "change"
    assert route["says"][0] == "context_length = 16384: its list of models says so, and the file 99000."
    assert (route["effort"], route["effort_accepted"]) == (None, None)


def test_what_the_file_gives_away_is_a_hint(checked: Checked) -> None:
    route = checked.route("right", "llama-3.3-70b")
    assert route["verdict"] == "ok"
    assert "tools = true would do: a tool was called." in route["says"]
    assert "structured_output = true would do: JSON came when a schema asked for it." in route["says"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("only-responses", 'dialect = "responses": it answers there, and in chat with HTTP 404: no such page.'),
        ("no-v1", "base_url lacks /v1: base_url ="),
        ("nothing", "base_url: HTTP 404 for its list of models and for both dialects."),
        ("whole", "no events when a stream is asked for (application/json)."),
        ("page", "no events when a stream is asked for (text/html)."),
        ("slow", "timeout: the answer did not come in time."),
        ("compressed", "no usable answer: its answer is compressed, which nobody asked for"),
        ("busy", "rate limited (HTTP 429: slow down)"),
        ("refused-key", "the key in EAST_KEY is refused (HTTP 401: invalid key: bearer [key])."),
        ("wants-key", "a key is asked for (HTTP 401): name the variable that holds it, as api_key_env ="),
        ("unset-key", "NO_SUCH_KEY, which api_key_env names, is not set (HTTP 401)."),
        ("closed", "connection refused: nothing listens at 127.0.0.1:"),
        ("nameless", "base_url: the host name in no-such-host.invalid cannot be resolved."),
        ("untrusted", "base_url: TLS with 127.0.0.1:"),
        ("far", "no connection to 127.0.0.1:"),
    ],
)
def test_route_that_cannot_serve_says_why(checked: Checked, name: str, says: str) -> None:
    route = checked.route(name)
    assert (route["verdict"], route["says"][0][: len(says)]) == ("fails", says)
    assert len(route["says"]) == 1


def test_misspelt_model_is_told_which_name_may_be_meant(checked: Checked) -> None:
    route = checked.route("right", "qwen3:14")
    assert route["verdict"] == "fails"
    assert route["says"][0].startswith('model = "qwen3:14" is not in its list of models: did you mean "qwen3:14b" or')


@pytest.mark.parametrize("name", ["only-chat", "native", "no-list", "newer-limit"])
def test_upstreams_of_all_usual_kinds_can_serve(checked: Checked, name: str) -> None:
    route = checked.route(name)
    assert (route["verdict"], route["streaming"]) == ("change" if name == "native" else "ok", True), route["says"]


def test_failing_routes_end_it_with_exit_code_1_and_no_word_on_standard_error(checked: Checked) -> None:
    assert (checked.done.returncode, checked.document["ok"], checked.document["demo"]) == (1, False, False)
    assert "Traceback" not in checked.done.stderr


def test_every_request_is_counted_and_a_route_costs_few(checked: Checked) -> None:
    told = sum(checked.server.asked.values())
    unheard = {"closed", "nameless", "untrusted", "far"}
    heard = [route for route in checked.document["routes"] if route["upstream"] not in unheard]
    assert sum(route["requests"] for route in heard) == told
    assert checked.document["requests"] == sum(route["requests"] for route in checked.document["routes"])
    most = {route["upstream"]: route["requests"] for route in heard if route["requests"] > 4}
    assert most == {"newer-limit": 5, "no-effort": 5, "no-json": 5}


def test_key_is_in_no_output(checked: Checked) -> None:
    assert KEY not in checked.done.stdout + checked.done.stderr


def test_whole_check_takes_no_longer_than_its_slowest_routes(processes: Processes) -> None:
    with quirky_server() as server:
        names = [f"slow-{number}" for number in range(6)]
        tables = [upstream(name, server.base_url("slow")) for name in names]
        tables.append(profile("smart-route-mini", *(f'upstream = "{name}", model = "qwen3:8b"' for name in names)))
        gateway = command(processes, *tables)
        done = gateway.flask("upstreams", "check", "--timeout", "0.5")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "6 routes, 6 requests sent. 6 of 6 cannot serve."
    assert SLOW_S > 2  # one after the other they would take as long as a command may in these tests


def test_check_of_a_right_upstream_prints_a_table_and_ends_well(processes: Processes, demo: Demo) -> None:
    tables = (
        upstream("east", demo.base_url, dialect="both"),
        profile("smart-route-mini", 'upstream = "east", model = "m"'),
    )
    done = command(processes, *tables).flask("upstreams", "check")
    assert done.returncode == 0, done.stdout + done.stderr
    head, row, *_ = done.stdout.splitlines()
    assert head.split() == [
        "UPSTREAM", "MODEL", "DIALECT", "ANSWERS", "IN", "FIRST", "OUTPUT", "STREAM", "TOOLS", "EFFORT", "JSON",
        "CONTEXT", "VERDICT",
    ]  # fmt: skip
    assert row.split()[:5] == ["east", "m", "both", "chat,", "responses"]
    assert row.split()[-6:] == ["yes", "low:", "yes", "yes", "-", "ok"]
    assert done.stdout.splitlines()[-1] == "1 route, 4 requests sent. All of them can serve."


def test_built_in_demo_is_nothing_to_check(processes: Processes) -> None:
    gateway = command(processes, '[service]\nname = "Ours"')
    done = gateway.flask("upstreams", "check")
    assert (done.returncode, done.stdout) == (
        0,
        "No upstream is configured: the built-in demo answers every alias, and there is nothing to check.\n",
    )
    assert json.loads(gateway.flask("upstreams", "check", "--json").stdout) == {
        "ok": True,
        "demo": True,
        "requests": 0,
        "routes": [],
    }


@pytest.mark.parametrize("value", ["0", "-1", "nan", "soon", "1e9"])
def test_timeout_that_is_none_is_refused(value: str) -> None:
    done = CliRunner().invoke(upstreams, ["check", f"--timeout={value}"])
    assert done.exit_code == 2
    assert "--timeout" in done.stderr
