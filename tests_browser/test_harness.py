"""The watch and the checks themselves: each finds what it is there to find."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.harness.gateway import Gateway
from tests_browser.checks import accessibility_faults, too_wide
from tests_browser.people import Member
from tests_browser.visits import Visits


@pytest.fixture
def careless(browser: Browser, gateway: Gateway) -> Visits:
    """Visits whose faults the test looks at itself."""
    return Visits(browser, gateway.url)


def test_inline_style_refused_by_the_policy_is_a_fault(careless: Visits) -> None:
    page = careless("/")
    page.evaluate("document.body.setAttribute('style', 'color: red')")
    [fault] = careless.close()
    assert "Content Security Policy" in fault


def test_request_to_another_site_is_a_fault(careless: Visits) -> None:
    page = careless("/")
    with page.expect_event("requestfailed"):
        page.evaluate("location.href = 'http://elsewhere.example/'")
    assert any("elsewhere.example" in fault for fault in careless.close())


def test_error_of_a_script_is_a_fault(careless: Visits) -> None:
    page = careless("/")
    with page.context.expect_event("weberror"):
        page.evaluate("setTimeout(() => { throw new Error('broken on purpose') }, 0)")
    [fault] = careless.close()
    assert "broken on purpose" in fault


def test_expected_fault_passes_and_one_that_never_comes_is_told(careless: Visits) -> None:
    careless.expect("status of 404")
    careless.expect("never seen")
    careless("/no-such-page", status=404)
    assert careless.close() == ["expected, but never came: never seen"]


def test_image_without_a_text_is_found(careless: Visits) -> None:
    page = careless("/")
    page.evaluate("document.querySelector('main').append(Object.assign(new Image(), { src: '/static/icon.svg' }))")
    assert any(fault.startswith("image-alt") for fault in accessibility_faults(page))
    careless.close()


def test_element_wider_than_the_window_is_named(careless: Visits) -> None:
    page = careless("/", width=360)
    page.evaluate("""() => {
        const wide = document.createElement("pre");
        wide.id = "the-wide-one";
        wide.textContent = "w".repeat(500);
        wide.style.width = "max-content";
        document.querySelector("footer").append(wide);
    }""")
    assert any("the-wide-one" in line for line in too_wide(page))
    careless.close()


def test_member_is_signed_in_by_the_form_once(careless: Visits, member: Member) -> None:
    careless("/docs", member=member)
    cookies = member.cookies
    page = careless("/docs", member=member, script=False)
    assert member.cookies is cookies
    assert member.email in (page.text_content("body") or "")
    assert careless.close() == []
