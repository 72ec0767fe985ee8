"""The catalog's objects: service, upstreams, routes, profiles, plans. Frozen: a reload makes new ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from catalog.reading import Reading

Network = IPv4Network | IPv6Network
Registration = Literal["open", "invite", "closed"]
Dialect = Literal["chat", "responses", "both"]
Speed = Literal["standard", "fast"]
MailSecurity = Literal["starttls", "tls", "none"]
MetricsAccess = Literal["local", "public", "off"]
Modality = Literal["text", "image", "audio", "file"]
ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]

MODALITIES: tuple[Modality, ...] = get_args(Modality)
REASONING_EFFORTS: tuple[ReasoningEffort, ...] = get_args(ReasoningEffort)
"""Weakest first: "the nearest lower one" is a walk to the left."""


@dataclass(frozen=True, slots=True)
class Service:
    """What belongs to the installation as a whole."""

    name: str
    slug: str
    public_url: str
    """Scheme, host and port, no slash at the end; ``http://127.0.0.1:$PORT`` unless configured."""
    trusted_proxies: tuple[Network, ...]
    timezone: ZoneInfo
    timezone_name: str
    registration: Registration
    continuations_per_prompt: int
    max_body_mb: int
    stored_response_days: int
    drain_seconds: int
    """How long a worker that is being replaced may finish its running streams."""
    deadline_seconds: float
    """Until when a stream must have begun or a whole answer be there, however many routes are tried."""
    operators_need_totp: bool
    """Whether operator pages open only to operators with the two-step sign-in."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mails are handed in, and in whose name."""

    host: str
    port: int
    username: str | None
    password_env: str | None
    """The environment variable that holds the password; None without a user name."""
    security: MailSecurity
    """``starttls`` and ``tls`` check the server's certificate and never fall back."""
    sender_name: str
    """Shown beside the address; may be empty."""
    sender: str
    timeout: float
    """Seconds that handing one mail in may take, all in all."""

    def password(self, env: Mapping[str, str]) -> str | None:
        """The password to sign in with; None where none is needed or its variable is not set."""
        return None if self.password_env is None else env.get(self.password_env) or None


@dataclass(frozen=True, slots=True)
class Retention:
    """What bounds the database and the folder of its backups; 0 days, 0 MB: no bound."""

    usage_log_days: int = 400
    """Days that single requests are kept; the running month always is."""
    usage_totals_days: int = 1830
    """Days that the totals of a day are kept; never fewer than its requests are."""
    stored_responses_mb: int = 500
    """Megabytes of stored responses an account may have, packed; the oldest go first."""
    backup_before_upgrade: bool = True
    backups_kept: int = 5
    """Backups that upgrades leave."""
    backup_folder: Path | None = None
    """Where upgrades and restores keep backups; None: ``backups`` beside the SQLite file, or in ``instance``."""


@dataclass(frozen=True, slots=True)
class MetricsReaders:
    """Who may read /metrics."""

    access: MetricsAccess = "local"
    token_env: str | None = None
    """The variable that holds a token for readers elsewhere; None: there is none."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """A backend that speaks the OpenAI API; timeouts in seconds."""

    name: str
    base_url: str
    """Without a slash at the end; empty for a demo upstream that is not running (``config check``)."""
    api_key_env: str | None
    dialect: Dialect
    connect_timeout: float
    first_byte_timeout: float
    answer_timeout: float
    idle_timeout: float


@dataclass(frozen=True, slots=True)
class Price:
    """What an upstream asks per million tokens, for the cost estimate."""

    input: Decimal
    output: Decimal


@dataclass(frozen=True, slots=True)
class Route:
    """One upstream model inside a profile. Routes with the same ``order`` share by ``weight``."""

    upstream: Upstream
    model: str
    order: int
    weight: int
    """0: takes no traffic and still catches failures."""
    context_length: int | None
    """Tokens; None: not known, so nothing is too long for it."""
    input: tuple[Modality, ...]
    tools: bool
    structured_output: bool
    """Whether it takes an answer format of JSON."""
    price: Price | None
    reasoning_efforts: tuple[ReasoningEffort, ...]
    """The efforts that the model knows, weakest first; empty: the field is never sent."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What stands behind an alias."""

    alias: str
    name: str
    description: str
    reasoning_effort: ReasoningEffort | None
    context_length: int | None
    max_output_tokens: int | None
    routes: tuple[Route, ...]
    """By ``order``, those of one order as they stand in the file; never empty."""
    strength: int
    """Place among the profiles, from 0; a higher one is stronger."""

    @property
    def effective_context_length(self) -> int | None:
        """The profile's own figure, else the widest window of its routes; None when no route tells one."""
        widths = [route.context_length for route in self.routes if route.context_length is not None]
        return self.context_length or max(widths, default=None)

    @property
    def input_modalities(self) -> tuple[Modality, ...]:
        """What at least one route takes."""
        return tuple(kind for kind in MODALITIES if any(kind in route.input for route in self.routes))

    @property
    def tools(self) -> bool:
        """Whether at least one route takes tools."""
        return any(route.tools for route in self.routes)

    @property
    def structured_output(self) -> bool:
        """Whether at least one route takes an answer format of JSON."""
        return any(route.structured_output for route in self.routes)


@dataclass(frozen=True, slots=True)
class Plan:
    """What an account may use and what it pays."""

    slug: str
    name: str
    profile: Profile
    speed: Speed
    price: Decimal | None
    """A month; 0 is free, None is on request."""
    currency: str
    daily: int | None
    """Prompts a day; None is unlimited."""
    monthly: int | None
    """Prompts a month; None is unlimited."""
    open_requests: int | None
    """Requests at once; None is no limit."""
    power: str
    description: str
    position: int
    """Place among the plans, from 0."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything that one reading of the file (or of the short way, or of nothing) configured."""

    service: Service
    upstreams: tuple[Upstream, ...]
    profiles: tuple[Profile, ...]
    """In order of strength, weakest first."""
    plans: tuple[Plan, ...]
    mail_server: MailServer | None = None
    """None: no mail is sent, links are handed over by the operator."""
    notices: tuple[str, ...] = ()
    """Lines to print at start: what was left out or ignored, and why."""
    uses_demo: bool = False
    retention: Retention = Retention()
    metrics: MetricsReaders = MetricsReaders()
    reading: Reading = field(default_factory=Reading, compare=False)
    """No part of what is configured: two readings of the same file make equal catalogs."""

    @property
    def first_plan(self) -> Plan:
        """The plan that sign-up activates."""
        return self.plans[0]

    def profile(self, alias: str) -> Profile | None:
        """The profile behind a public alias."""
        return next((profile for profile in self.profiles if profile.alias == alias), None)

    def plan(self, slug: str) -> Plan | None:
        """The plan of that slug."""
        return next((plan for plan in self.plans if plan.slug == slug), None)

    def upstream(self, name: str) -> Upstream | None:
        """The upstream of that name."""
        return next((upstream for upstream in self.upstreams if upstream.name == name), None)

    def aliases_for(self, plan: Plan) -> tuple[Profile, ...]:
        """The profiles that a plan may ask for: its own and every weaker one, weakest first."""
        return self.profiles[: plan.profile.strength + 1]

    def plans_for_alias(self, alias: str) -> tuple[Plan, ...]:
        """The plans that may ask for an alias, in the catalog's order; empty for an unknown alias."""
        profile = self.profile(alias)
        if profile is None:
            return ()
        return tuple(plan for plan in self.plans if plan.profile.strength >= profile.strength)

    def served_profile(self, plan: Plan, asked_alias: str | None) -> Profile:
        """Who serves a request: the alias asked for, at most the plan's own. KeyError: no public alias."""
        if asked_alias is None:
            return plan.profile
        asked = self.profile(asked_alias)
        if asked is None:
            raise KeyError(asked_alias)
        return min(asked, plan.profile, key=lambda profile: profile.strength)

    def api_key(self, upstream: Upstream, env: Mapping[str, str]) -> str | None:
        """The key to send to an upstream; None when it has none or its variable is not set."""
        if upstream.api_key_env is None:
            return None
        return env.get(upstream.api_key_env, "").strip() or None
