"""A wrong catalog is refused with file, line, key and what was expected."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from catalog import keys
from catalog.errors import CatalogError
from catalog.reader import read_catalog
from catalog.source import LIMIT_BYTES
from tests.catalog.conftest import Refusal
from tests.catalog.test_reader import MINI, ROUTE, UPSTREAM

SMTP = '[smtp]\nhost = "mail.example.org"\nfrom = "ai@example.org"\n'
PLAN = '[[plans]]\nslug = "one"\nprofile = "smart-route-mini"\n'


def test_a_wrong_value_is_refused_with_file_line_key_and_expectation(refusal: Refusal) -> None:
    text = "# catalog\n\n" + MINI + 'weight = "much"\n'
    assert refusal(text) == (
        'smartroute.toml:11: profiles[0].routes[0].weight: expected an integer of at least 0, got "much"'
    )


def test_the_error_carries_its_parts(tmp_path: Path) -> None:
    path = tmp_path / "other.toml"
    path.write_text("\n[service]\nmax_body_mb = 0\n")
    with pytest.raises(CatalogError) as caught:
        read_catalog(path, port=8000, env={}, demo_base_url=None)
    error = caught.value
    assert (error.file, error.line, error.key) == (str(path), 3, "service.max_body_mb")
    assert error.expected == "an integer of at least 1, got 0"


def test_an_unknown_key_is_refused_with_the_nearest_known_one(refusal: Refusal) -> None:
    assert refusal(MINI + "wieght = 1\n") == (
        'smartroute.toml:9: profiles[0].routes[0].wieght: expected a known key: did you mean "weight"?'
    )


def test_an_unknown_key_like_no_other_is_refused_with_the_list(refusal: Refusal) -> None:
    assert refusal("[service]\nzzz = 1\n").startswith(
        "smartroute.toml:2: service.zzz: expected a known key: one of name, slug, public_url,"
    )


def test_a_key_in_the_file_is_refused_without_showing_it(refusal: Refusal) -> None:
    line = refusal(UPSTREAM + 'api_key = "sk-verysecret"\n')
    assert line == 'smartroute.toml:4: upstreams[0].api_key: expected a known key: did you mean "api_key_env"?'
    for pasted in ("sk-verysecret", "gsk_verysecret"):
        line = refusal(UPSTREAM + f'api_key_env = "{pasted}"\n')
        assert "smartroute.toml:4: upstreams[0].api_key_env: expected the name of an environment var" in line
        assert "verysecret" not in line
    assert "verysecret" not in refusal(UPSTREAM.replace("//", "//user:verysecret@"))


@pytest.mark.parametrize(
    ("above", "table", "accepted"),
    [
        ("", "[service]\n", keys.SERVICE),
        ("", SMTP, keys.SMTP),
        ("", UPSTREAM, keys.UPSTREAM),
        (UPSTREAM, '[[profiles]]\nalias = "a"\n', keys.PROFILE),
        (MINI.removesuffix(ROUTE), ROUTE, keys.ROUTE),
        (MINI, "[profiles.routes.price]\ninput = 1\noutput = 1\n", keys.PRICE),
        (MINI, PLAN, keys.PLAN),
    ],
    ids=["service", "smtp", "upstream", "profile", "route", "price", "plan"],
)
def test_every_accepted_key_is_read_and_checked(
    refusal: Refusal, above: str, table: str, accepted: tuple[str, ...]
) -> None:
    for key in accepted:
        kept = [line for line in table.splitlines() if not line.startswith(f"{key} = ")]
        text = above + "\n".join(kept) + f"\n{key} = 1979-05-27\n"
        if accepted == keys.PROFILE and key != "routes":  # without a route its other keys are not reached
            text += ROUTE
        message = refusal(text)
        assert f":{above.count(chr(10)) + len(kept) + 1}: " in message
        assert f".{key}: expected " in message
        assert "a date or time" in message or key in ("api_key_env", "password_env")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('name = ""', "one line of text, 1 to 80 characters"),
        ('name = "a\\nb"', "one line of text"),
        ('slug = "Our AI"', "small letters, digits and single hyphens"),
        ('slug = "v1"', 'another word than "v1"'),
        (f'slug = "{"a" * 65}"', "at most 64 characters"),
        ('public_url = "ai.example.org"', "an http or https address"),
        ('public_url = "https://ai.example.org/sub"', "without a path"),
        ('public_url = "https://ai.example.org?x=1"', "without a query"),
        ('public_url = "https://ai.example.org:99999"', "an http or https address"),
        ('trusted_proxies = "127.0.0.1"', "a list of IP addresses"),
        ('timezone = "Europe/Atlantis"', 'a time zone such as "UTC"'),
        ('timezone = "Europe"', "a time zone"),
        ('timezone = "../UTC"', "a time zone"),
        ('registration = "Open"', 'one of "open", "invite", "closed", got "Open"'),
        ("continuations_per_prompt = -1", "an integer of at least 0, got -1"),
        ("continuations_per_prompt = 2000000001", "an integer of at most 2,000,000,000"),
        ("max_body_mb = 1.5", "an integer of at least 1, got 1.5"),
        ("max_body_mb = true", "an integer of at least 1, got true"),
        ("stored_response_days = 0", "an integer of at least 1"),
        ("drain_seconds = -1", "an integer of at least 0"),
    ],
)
def test_a_wrong_service_value_is_refused(refusal: Refusal, line: str, expected: str) -> None:
    key = line.split(" = ")[0]
    message = refusal(f"[service]\n{line}\n")
    assert message.startswith(f"smartroute.toml:2: service.{key}: expected ")
    assert expected in message


@pytest.mark.parametrize("proxy", ['"localhost"', '"10.0.0.1/8"', "1", '"10.0.0.0/33"'])
def test_a_trusted_proxy_that_is_no_network_is_refused_on_its_own_line(refusal: Refusal, proxy: str) -> None:
    message = refusal(f'[service]\ntrusted_proxies = [\n  "127.0.0.1",\n  {proxy},\n]\n')
    assert message.startswith("smartroute.toml:4: service.trusted_proxies[1]: expected an IP address")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('name = "the east"', "letters, digits, dots, hyphens and underscores"),
        ('base_url = "ftp://host/v1"', "an http or https address"),
        ('base_url = "http:///v1"', "an http or https address"),
        ('base_url = "http://[::1/v1"', "an http or https address"),
        ('base_url = "http://host/v1 "', "an http or https address"),
        ('base_url = "http://host/v1/chat/completions"', "without /chat/completions at the end"),
        ('base_url = "http://host/v1?key=1"', "without a query or fragment"),
        ('dialect = "openai"', 'one of "chat", "responses", "both"'),
        ("connect_timeout = 0", "a number of seconds above 0"),
        ("first_byte_timeout = -1", "a number of seconds above 0"),
        ("answer_timeout = inf", "a number of seconds above 0"),
        ("answer_timeout = nan", "a number of seconds above 0"),
        ("idle_timeout = 86401", "at most 86,400"),
        ("idle_timeout = 1e-500", "a number of seconds above 0"),
    ],
)
def test_a_wrong_upstream_value_is_refused(refusal: Refusal, line: str, expected: str) -> None:
    key = line.split(" = ")[0]
    kept = [given for given in UPSTREAM.splitlines() if not given.startswith(f"{key} = ")]
    message = refusal("\n".join([*kept, line]))
    assert message.startswith(f"smartroute.toml:{len(kept) + 1}: upstreams[0].{key}: expected ")
    assert expected in message


@pytest.mark.parametrize(
    ("line", "key", "expected"),
    [
        ('reasoning_effort = "deep"', "reasoning_effort", 'one of "none", "minimal", "low"'),
        ("context_length = 0", "context_length", "an integer of at least 1"),
        ("max_output_tokens = 0", "max_output_tokens", "an integer of at least 1"),
        ("description = 5", "description", "one line of text"),
    ],
)
def test_a_wrong_profile_value_is_refused(refusal: Refusal, line: str, key: str, expected: str) -> None:
    message = refusal(MINI.replace(ROUTE, f"{line}\n{ROUTE}"))
    assert message.startswith(f"smartroute.toml:6: profiles[0].{key}: expected ")
    assert expected in message


@pytest.mark.parametrize("alias", ["", "two words", "a/b", "-a", "é", "a" * 65])
def test_an_alias_that_cannot_stand_in_an_address_is_refused(refusal: Refusal, alias: str) -> None:
    message = refusal(MINI.replace("smart-route-mini", alias))
    assert message.startswith("smartroute.toml:5: profiles[0].alias: expected letters, digits")


@pytest.mark.parametrize(
    ("line", "key", "expected"),
    [
        ("order = 0", "order", "an integer of at least 1"),
        ("weight = -1", "weight", "an integer of at least 0, got -1"),
        ("weight = 0.5", "weight", "an integer of at least 0, got 0.5"),
        ("context_length = 0", "context_length", "an integer of at least 1"),
        ('input = "text"', "input", "a list of"),
        ('input = ["text", "smell"]', "input[1]", 'one of "text", "image", "audio", "file", got "smell"'),
        ('input = ["text", "text"]', "input[1]", "each word once"),
        ('tools = "yes"', "tools", 'true or false, got "yes"'),
        ("price = 1", "price", "a table, got 1"),
        ("price = { input = 1 }", "price.output", "this key, it is missing"),
        ("price = { input = -1, output = 1 }", "price.input", "a number from 0 to 2,000,000,000, got -1"),
        ("price = { input = 2000000001, output = 1 }", "price.input", "a number from 0 to 2,000,000,000"),
        ("price = { input = inf, output = 1 }", "price.input", "a number from 0 to 2,000,000,000"),
        ('reasoning_efforts = ["deep"]', "reasoning_efforts[0]", 'one of "none", "minimal"'),
    ],
)
def test_a_wrong_route_value_is_refused(refusal: Refusal, line: str, key: str, expected: str) -> None:
    message = refusal(MINI + line)
    assert message.startswith(f"smartroute.toml:9: profiles[0].routes[0].{key}: expected ")
    assert expected in message


def test_a_route_without_text_can_never_serve_and_is_refused(refusal: Refusal) -> None:
    message = refusal(MINI + 'input = ["image"]\n')
    assert message.startswith('smartroute.toml:9: profiles[0].routes[0].input: expected "text" among')


def test_a_route_equal_to_an_earlier_one_can_never_serve_and_is_refused(refusal: Refusal) -> None:
    message = refusal(MINI + "weight = 2\n" + ROUTE + "weight = 0\norder = 7\n")
    assert message == (
        "smartroute.toml:10: profiles[0].routes[1]: "
        "expected a route that differs from routes[0], else it can never serve a request"
    )


@pytest.mark.parametrize(
    ("line", "key", "expected"),
    [
        ('name = " "', "name", "one line of text"),
        ('speed = "turbo"', "speed", 'one of "standard", "fast", got "turbo"'),
        ("price = -0.01", "price", "a number from 0 to 2,000,000,000, got -0.01"),
        ('price = "free"', "price", 'a number from 0 to 2,000,000,000, got "free"'),
        ('currency = "euro"', "currency", "a currency of three capitals"),
        ("daily = 0", "daily", "an integer of at least 1 (leave the key out for unlimited), got 0"),
        ("monthly = -5", "monthly", "an integer of at least 1"),
        ("open_requests = 0", "open_requests", "an integer of at least 1 (leave the key out for no limit)"),
        ("power = []", "power", "one line of text, 1 to 80 characters, got a list"),
    ],
)
def test_a_wrong_plan_value_is_refused(refusal: Refusal, line: str, key: str, expected: str) -> None:
    message = refusal(PLAN + line)
    assert message.startswith(f"smartroute.toml:4: plans[0].{key}: expected ")
    assert expected in message


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (UPSTREAM.replace("name", "#"), "1: upstreams[0].name"),
        (UPSTREAM.replace("base_url", "#"), "1: upstreams[0].base_url"),
        (MINI.replace("alias", "#"), "4: profiles[0].alias"),
        (MINI.replace("model", "#"), "6: profiles[0].routes[0].model"),
        (MINI.replace("upstream =", "#"), "6: profiles[0].routes[0].upstream"),
        (PLAN.replace("slug", "#"), "1: plans[0].slug"),
        (PLAN.replace("profile", "#"), "1: plans[0].profile"),
    ],
)
def test_a_missing_key_is_refused_on_the_line_of_its_table(refusal: Refusal, text: str, place: str) -> None:
    assert refusal(text) == f"smartroute.toml:{place}: expected this key, it is missing"


@pytest.mark.parametrize(
    ("text", "place", "first"),
    [
        (UPSTREAM + UPSTREAM.replace("east", "EAST"), "5: upstreams[1].name", 2),
        (MINI + MINI.removeprefix(UPSTREAM), "10: profiles[1].alias", 5),
        (PLAN + PLAN, "5: plans[1].slug", 2),
    ],
)
def test_a_name_used_twice_is_refused_with_the_line_of_the_first(
    refusal: Refusal, text: str, place: str, first: int
) -> None:
    message = refusal(text)
    assert message.startswith(f"smartroute.toml:{place}: expected a name of its own")
    assert message.endswith(f"is on line {first} too")


def test_a_reference_to_nothing_is_refused_with_what_there_is(refusal: Refusal) -> None:
    assert refusal(MINI.replace('upstream = "east"', 'upstream = "west"')) == (
        "smartroute.toml:7: profiles[0].routes[0].upstream: "
        'expected the name of an upstream of this file (one of east), got "west"'
    )
    assert refusal(MINI.removeprefix(UPSTREAM)) == (
        "smartroute.toml:4: profiles[0].routes[0].upstream: "
        'expected the name of an upstream of this file (no [[upstreams]] table is there), got "east"'
    )
    assert refusal(MINI + PLAN.replace("mini", "maxi")) == (
        "smartroute.toml:11: plans[0].profile: "
        'expected the alias of a profile (one of smart-route-mini), got "smart-route-maxi"'
    )


def test_the_demo_upstream_cannot_be_named_in_a_route(refusal: Refusal) -> None:
    text = MINI.removeprefix(UPSTREAM).replace("east", "demo")
    assert "profiles[0].routes[0].upstream: expected the name of an upstream" in refusal(text)


def test_upstreams_without_profiles_are_refused(refusal: Refusal) -> None:
    message = refusal("\n" + UPSTREAM)
    assert message.startswith("smartroute.toml:2: upstreams: expected [[profiles]] tables that name the routes")


def test_a_profile_without_routes_beside_upstreams_is_refused(refusal: Refusal) -> None:
    message = refusal(MINI.replace(ROUTE, ""))
    assert message == "smartroute.toml:4: profiles[0].routes: expected at least one [[profiles.routes]] table"


def test_profiles_of_other_names_need_plans_of_their_own(refusal: Refusal) -> None:
    message = refusal(MINI.replace("smart-route-mini", "house"))
    assert message.startswith("smartroute.toml:4: profiles: expected [[plans]] tables beside them")


@pytest.mark.parametrize("name", ["upstreams", "profiles", "plans"])
def test_an_empty_list_is_refused_instead_of_meaning_the_shipped_one(refusal: Refusal, name: str) -> None:
    assert refusal(f"\n{name} = []\n") == (f"smartroute.toml:2: {name}: expected at least one [[{name}]] table")


def test_a_table_where_a_list_of_tables_belongs_is_refused(refusal: Refusal) -> None:
    assert refusal('[profiles]\nalias = "a"\n') == (
        "smartroute.toml:1: profiles: expected tables that start with [[profiles]], got a table"
    )
    assert refusal("plans = [1]\n") == "smartroute.toml:1: plans[0]: expected a table, got 1"
    assert refusal("[[service]]\n") == "smartroute.toml:1: service: expected a table, got a list"


def test_a_syntax_error_is_refused_with_its_line(refusal: Refusal) -> None:
    assert refusal('[service]\nname = "a\n').startswith("smartroute.toml:2: expected valid TOML: ")
    assert refusal("[service]\nname =\n").startswith("smartroute.toml:2: expected valid TOML: ")
    assert refusal('[service]\nname = """a\n\n').startswith("smartroute.toml:4: expected valid TOML: ")
    assert refusal("[service]\nslug = 'a'\nslug = 'b'\n").startswith("smartroute.toml:3: expected valid")


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"])
def test_a_byte_order_mark_is_refused(refusal: Refusal, mark: bytes) -> None:
    assert refusal(mark + b"[service]\n") == (
        "smartroute.toml:1: expected UTF-8 without a byte order mark at the start"
    )


def test_bytes_that_are_no_utf_8_are_refused_with_their_line(refusal: Refusal) -> None:
    assert refusal('[service]\nname = "Müller"\n'.encode("latin-1")) == (
        "smartroute.toml:2: expected UTF-8 text, got the byte 0xfc"
    )


def test_a_huge_file_is_refused_without_reading_it_whole(refusal: Refusal) -> None:
    assert refusal(b"#" * (LIMIT_BYTES + 1)) == "smartroute.toml: expected at most 1,000,000 bytes of TOML"
    # A device without an end stands for a file of any size.
    with pytest.raises(CatalogError, match="at most 1,000,000 bytes"):
        read_catalog(Path("/dev/zero"), port=8000, env={}, demo_base_url=None)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none.toml", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(CatalogError, match=f"expected a readable file .{reason}"):
            read_catalog(path, port=8000, env={}, demo_base_url=None)


@pytest.mark.parametrize(
    "text",
    ["a = " + "[" * 5000 + "]" * 5000, f"a = {'9' * 5000}", "a = 1e99999999999999999999"],
    ids=["nested", "digits", "exponent"],
)
def test_values_beyond_every_measure_are_refused(refusal: Refusal, text: str) -> None:
    assert refusal(text).startswith("smartroute.toml: expected ")


def test_a_hexadecimal_giant_is_refused_as_an_integer_out_of_range(refusal: Refusal) -> None:
    message = refusal(f"[service]\nmax_body_mb = 0x{'f' * 9000}\n")
    assert message.endswith("got a number of more than 18 digits")


def test_a_large_right_file_is_read_in_reasonable_time(refusal: Refusal) -> None:
    plans = "".join(PLAN.replace("one", f"plan-{number}") for number in range(2000))
    started = time.monotonic()
    assert "plans[2000].slug" in refusal(plans + '[[plans]]\nslug = "?"\nprofile = "smart-route-mini"\n')
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("env", "message"),
    [
        (
            {"UPSTREAM_BASE_URL": "http://h/v1"},
            "UPSTREAM_MODEL: expected the model to ask for at UPSTREAM_BASE_URL, it is not set",
        ),
        (
            {"UPSTREAM_BASE_URL": "h:80", "UPSTREAM_MODEL": "m"},
            'UPSTREAM_BASE_URL: expected an http or https address such as http://127.0.0.1:11434/v1, got "h:80"',
        ),
        (
            {"UPSTREAM_BASE_URL": "http://h/v1", "UPSTREAM_MODEL": "m", "UPSTREAM_API_KEY": "k\nx"},
            "UPSTREAM_API_KEY: expected UPSTREAM_API_KEY to hold one word of printable ASCII characters",
        ),
    ],
)
def test_a_wrong_short_way_is_refused_naming_the_variable(refusal: Refusal, env: dict[str, str], message: str) -> None:
    assert refusal(None, env) == message


def test_a_key_that_no_header_can_carry_is_refused_without_showing_it(refusal: Refusal) -> None:
    line = refusal(UPSTREAM + 'api_key_env = "EAST_KEY"\n', {"EAST_KEY": "sécret"})
    assert line.startswith("smartroute.toml:4: upstreams[0].api_key_env: expected EAST_KEY to hold one word")
    assert "sécret" not in line
