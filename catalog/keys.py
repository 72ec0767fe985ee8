"""Every key that a catalog file may hold, table by table, and the closed sets of words among the values."""

from __future__ import annotations

TOP = ("service", "smtp", "retention", "metrics", "upstreams", "profiles", "plans")
SERVICE = (
    "name",
    "slug",
    "public_url",
    "trusted_proxies",
    "timezone",
    "registration",
    "continuations_per_prompt",
    "max_body_mb",
    "stored_response_days",
    "drain_seconds",
    "deadline_seconds",
    "operators_need_totp",
)
SMTP = (
    "host",
    "port",
    "username",
    "password_env",
    "security",
    "from",
    "timeout",
)
RETENTION = (
    "usage_log_days",
    "usage_totals_days",
    "stored_responses_mb",
    "backup_before_upgrade",
    "backups_kept",
    "backup_folder",
)
METRICS = (
    "access",
    "token_env",
)
UPSTREAM = (
    "name",
    "base_url",
    "api_key_env",
    "dialect",
    "connect_timeout",
    "first_byte_timeout",
    "answer_timeout",
    "idle_timeout",
)
PROFILE = (
    "alias",
    "name",
    "description",
    "reasoning_effort",
    "context_length",
    "max_output_tokens",
    "routes",
)
ROUTE = (
    "upstream",
    "model",
    "order",
    "weight",
    "context_length",
    "input",
    "tools",
    "structured_output",
    "price",
    "reasoning_efforts",
)
PRICE = ("input", "output")
PLAN = (
    "slug",
    "name",
    "profile",
    "speed",
    "price",
    "currency",
    "daily",
    "monthly",
    "open_requests",
    "power",
    "description",
)

# Keys of a plan whose absence has a meaning of its own (on request, unlimited, no limit): they are never
# filled in from the shipped plan of the same slug, else no shipped plan could be made unlimited.
MEANINGFUL_WHEN_ABSENT = ("price", "daily", "monthly", "open_requests")
