"""``flask upstreams ...``: do the upstreams answer as the catalog says, and where would a request go?"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import click
from flask import current_app
from flask.cli import AppGroup, ScriptInfo

from commands import check_report, dry_run
from commands.output import Answer, Refusal, answers

CHECK = "smartroute_upstream_check"  # made by app.py: commands do not import the API
DRY_RUN = "smartroute_dry_run"
_EXIT_CODE = "smartroute.exit_code"
ENDPOINTS = ("chat/completions", "completions", "responses")

upstreams = AppGroup("upstreams", help="Look at upstreams and routes.")


def in_application(command: Callable[..., Answer]) -> Callable[..., Answer]:
    """Run a command inside the application; these need no database."""

    @functools.wraps(command)
    def run(*arguments: Any, **options: Any) -> Answer:
        with click.get_current_context().ensure_object(ScriptInfo).load_app().app_context():
            return command(*arguments, **options)

    return run


def _finite(_context: click.Context, _option: click.Parameter, value: float) -> float:
    if math.isnan(value):  # it is in every range
        raise click.BadParameter("it has to be a number of seconds.")
    return value


def with_exit_code(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command print its answer, and end with the exit code that it noted."""

    @functools.wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        command(*arguments, **options)
        click.get_current_context().exit(click.get_current_context().meta.get(_EXIT_CODE, 0))

    return run


@upstreams.command("check", with_appcontext=False)
@click.option(
    "--timeout",
    "timeout_s",
    callback=_finite,
    type=click.FloatRange(0.1, 600),
    default=30.0,
    show_default=True,
    metavar="S",
    help="Seconds to wait for each answer; a local model may have to be loaded first.",
)
@with_exit_code
@answers
@in_application
def check(timeout_s: float) -> Answer:
    """Send a few tiny requests to each route, and say what to change in the file where it is wrong.

    Each upstream and model is asked once, whatever number of profiles lead to it: a stream, a tool call, a reasoning
    effort with an answer in JSON, and the dialect that the file does not name. Answers are limited to a few tokens.
    The exit code is 1 when a route cannot serve.
    """
    told = current_app.extensions[CHECK](timeout_s)
    answer = Answer(told, check_report.text(told))
    if not told["ok"]:
        click.get_current_context().meta[_EXIT_CODE] = 1
    return answer


@upstreams.command("dry-run", with_appcontext=False)
@click.option("--plan", "plan_slug", required=True, metavar="SLUG", help="The plan of the account that would send it.")
@click.option("--endpoint", type=click.Choice(ENDPOINTS), default=ENDPOINTS[0], show_default=True)
@click.argument("file", required=False, metavar="[FILE|-]")
@answers
@in_application
def dry(plan_slug: str, endpoint: str, file: str | None) -> Answer:
    """Tell what would become of a request that is not sent: routes in order, what is passed over or changed, and why.

    FILE holds the JSON body that a client would send; without one, or with -, it is read from standard input.
    Nothing is counted. This command is a process of its own and knows no live health (what was left out a moment
    ago, measured times, conversations): the operator page /admin/dry-run does, for the worker that answers it.
    """
    from service.services import services

    catalog = services().catalog
    if catalog.plan(plan_slug) is None:
        slugs = ", ".join(plan.slug for plan in catalog.plans)
        raise Refusal(f"There is no plan {plan_slug!r}. The catalog has: {slugs}.")
    body = dry_run.read_body(file, catalog.service.max_body_mb)
    told = current_app.extensions[DRY_RUN](plan_slug, endpoint, body)
    return Answer(told, dry_run.text(told))
