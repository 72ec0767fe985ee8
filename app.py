"""The application: configuration, database, sign-in, blueprints, error pages, middleware. No rules of its own."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

import blueprints.account.routes
import blueprints.admin.audit_details
import blueprints.admin.blueprint
import blueprints.admin.routes
import blueprints.admin.routes_account_changes
import blueprints.admin.routes_accounts
import blueprints.admin.routes_audit
import blueprints.admin.routes_catalog
import blueprints.admin.routes_dry_run
import blueprints.admin.routes_health
import blueprints.admin.routes_invites
import blueprints.admin.routes_requests
import blueprints.admin.routes_upgrades
import blueprints.admin.routes_usage
import blueprints.api_v1.blueprint
import blueprints.api_v1.dry_run
import blueprints.api_v1.error_table
import blueprints.api_v1.routes
import blueprints.api_v1.upstream_check
import blueprints.api_v1.upstream_reach
import blueprints.auth.blueprint
import blueprints.auth.routes
import blueprints.auth.routes_invites
import blueprints.auth.routes_passwords
import blueprints.auth.routes_second_step
import blueprints.auth.routes_sign_up
import blueprints.auth.routes_totp
import blueprints.docs.routes
import blueprints.health.routes
import blueprints.metrics.routes
import blueprints.plans.routes
import blueprints.product.routes
import blueprints.reference.routes
import blueprints.usage.routes
import models.all_tables  # noqa: F401  (migrations compare with every table)
from assets import register_assets
from blueprints.api_v1.fair_share import FairShare, most_of_a_worker
from blueprints.api_v1.upstream import Upstreams
from blueprints.auth.login import login_manager
from blueprints.health.readiness import Readiness
from catalog.accepted import accepted
from catalog.model import Catalog
from catalog.reader import read_catalog
from config import Settings, available_cores, load_secret_key
from middleware.api_answers import ApiAnswers
from middleware.api_paths import ApiPaths, is_api_path
from middleware.application import Application
from middleware.form_time import FormTime
from middleware.request_log import RequestLog
from middleware.trusted_proxies import TrustedProxies
from models.base import db
from models.calendar_windows import Calendar
from models.engine import engine_options, prepare_engine
from models.storage import Storage
from pages import HSTS, error_page, register_page_helpers
from routing.router import Router
from service.keys import Keyring
from service.mail.carrier import Carrier
from service.mail.writers import writers
from service.metrics.counts import Metrics
from service.metrics.tracing import Tracing
from service.metrics.worker_file import WorkerFile, digest_of
from service.process.draining import is_draining
from service.process.worker import Worker
from service.services import EXTENSION, Services

if TYPE_CHECKING:
    from service.mail.smtp import Mailer

ROOT = Path(__file__).resolve().parent


def create_app(settings: Settings | None = None, catalog: Catalog | None = None) -> Flask:
    """Build the application.

    Args:
        settings: of the process; read from the environment if not given.
        catalog: if not given, the one that the gunicorn master accepted, else read from its file.

    Raises:
        SettingsError: an environment variable is wrong.
        CatalogError: the catalog's file is wrong.
    """
    settings = settings or Settings.from_environment(os.environ, ROOT)
    catalog = (
        catalog
        or accepted()
        or read_catalog(settings.config_path, port=settings.port, env=os.environ, demo_base_url=None)
    )
    _log_to_standard_error()

    app = Application(__name__, static_folder=None)  # assets.py serves it
    app.url_map.merge_slashes = False  # it would redirect to whatever host the request names
    keyring = Keyring(load_secret_key(settings))
    has_tls = (catalog.service.public_url or "").startswith("https://")
    # A browser takes cookies of this name only over TLS, from this host, for all its paths: no neighbour on the same
    # domain can set them. Source: https://www.rfc-editor.org/rfc/rfc6265bis.html#name-the-__host-prefix
    cookie_prefix = "__Host-" if has_tls else ""
    app.config.update(
        SECRET_KEY=keyring.session_key,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(settings.database_url),
        MAX_CONTENT_LENGTH=16 * 1024,  # of forms; the API reads its bodies by the catalog's own limit
        SESSION_COOKIE_NAME=f"{cookie_prefix}smartroute_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=has_tls,
        KNOWN_BROWSER_COOKIE_NAME=f"{cookie_prefix}smartroute_browser",
    )
    db.init_app(app)
    with app.app_context():
        prepare_engine(db.engine)
        storage = Storage(db.engine)
    worker, metrics, router = Worker(storage), Metrics(), Router()
    tracing = Tracing(os.environ)
    mailer = _mailer_of(catalog)
    app.extensions[EXTENSION] = Services(
        settings=settings,
        catalog=catalog,
        keyring=keyring,
        storage=storage,
        calendar=Calendar(catalog.service.timezone),
        worker=worker,
        mailer=mailer,
        carrier=Carrier(storage, mailer, writers),
        metrics=metrics,
        watch=WorkerFile(metrics, router.health.told, lambda: worker.renewed_at, digest_of(catalog)),
        tracing=tracing,
    )

    app.extensions[blueprints.api_v1.error_table.EXTENSION] = blueprints.api_v1.error_table.rows()
    app.extensions[blueprints.api_v1.dry_run.EXTENSION] = blueprints.api_v1.dry_run.dry_run

    upstreams = Upstreams(catalog, os.environ)
    app.extensions[blueprints.api_v1.upstream_check.EXTENSION] = blueprints.api_v1.upstream_check.upstream_check(
        catalog, upstreams
    )

    readiness = Readiness(
        storage,
        ROOT / "migrations" / "versions",
        router.health.last_output,
        blueprints.api_v1.upstream_reach.upstream_reach(catalog),
        is_draining,
    )

    login_manager.init_app(app)
    app.register_blueprint(
        blueprints.api_v1.blueprint.bp,
        url_prefix="/v1",
        upstreams=upstreams,
        router=router,
        fair_share=FairShare(most_of_a_worker(settings.workers, available_cores())),
    )
    app.register_blueprint(blueprints.auth.blueprint.bp)
    app.register_blueprint(blueprints.account.routes.bp)
    app.register_blueprint(blueprints.admin.blueprint.bp)
    app.register_blueprint(blueprints.product.routes.bp)
    app.register_blueprint(blueprints.docs.routes.bp)
    app.register_blueprint(blueprints.health.routes.bp, readiness=readiness)
    app.register_blueprint(blueprints.metrics.routes.bp)
    app.register_blueprint(blueprints.plans.routes.bp)
    app.register_blueprint(blueprints.usage.routes.bp)
    app.register_blueprint(blueprints.reference.routes.bp, describe=lambda: _description_of_the_api(catalog))
    register_assets(app, ROOT / "static")
    register_page_helpers(app)
    app.register_error_handler(Exception, _answer_error)

    app.wsgi_app = FormTime(app.wsgi_app)  # type: ignore[method-assign]
    app.wsgi_app = ApiAnswers(app.wsgi_app, HSTS if has_tls else None)  # type: ignore[method-assign]
    app.wsgi_app = ApiPaths(app.wsgi_app, catalog.service.slug)  # type: ignore[method-assign]
    told = [metrics.request_ended, *([tracing.request_ended] if tracing.is_wanted else [])]
    app.wsgi_app = RequestLog(app.wsgi_app, on_end=told)  # type: ignore[method-assign]
    app.wsgi_app = TrustedProxies(app.wsgi_app, catalog.service.trusted_proxies)  # type: ignore[method-assign]
    return app


def _description_of_the_api(catalog: Catalog) -> dict[str, Any]:
    # Only a process that is asked for the document pays for apispec.
    from blueprints.api_v1.openapi.document import openapi_document

    return openapi_document(catalog)


def _mailer_of(catalog: Catalog) -> Mailer | None:
    if catalog.mail_server is None:
        return None
    from service.mail.smtp import mailer_of

    return mailer_of(catalog.mail_server, catalog.service.public_url, os.environ)


def _answer_error(error: Exception) -> ResponseReturnValue:
    """Answer as the path's readers understand it: JSON for programs, a page for people."""
    if is_api_path(request.path):
        return blueprints.api_v1.routes.error_answer(error)
    if not isinstance(error, HTTPException):
        logging.getLogger("smartroute").exception("a page failed")
    return error_page(error)


class OneLineFormatter(logging.Formatter):
    """Writes control characters of a message as escapes: what others send must not look like lines of ours."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the line, before a trace is added to it."""
        line = super().formatMessage(record)
        return line if line.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)


def _log_to_standard_error() -> None:
    """Send the house's own log lines to standard error; standard output is for request lines and JSON."""
    log = logging.getLogger("smartroute")
    if not log.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(OneLineFormatter("[%(asctime)s] %(levelname)s %(name)s: %(message)s"))
        log.addHandler(handler)
        log.setLevel(logging.INFO)
        log.propagate = False
