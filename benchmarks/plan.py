"""How much a run does, and of which parts it is made."""

from __future__ import annotations

from dataclasses import dataclass

# In the order of a run: the held streams come first, on processes whose memory no load has grown yet.
PARTS = (
    "held", "json", "rate", "prompts", "image", "paced", "burst", "beside", "lock", "workers", "start", "installed",
    "admission",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Held:
    """The slow streams of one target."""

    streams: int
    streams_of_peers: int
    words: int
    pace_ms: int
    ramp_s: float


@dataclass(frozen=True, slots=True)
class Plan:
    """Rounds of each load (``paced`` and ``burst`` with their Responses), the seconds of a round, and so on."""

    held: Held
    json_rounds: int
    rate_rounds: int
    prompt_rounds: int
    image_rounds: int
    paced_rounds: int
    burst_rounds: int
    beside_rounds: int
    workers_rounds: int
    round_s: float
    rate_s: float
    beside_words: int
    lock_s: float
    starts: int
    admission_rows: tuple[int, ...]
    admission_rounds: int
    with_mariadb: bool


FULL = Plan(
    held=Held(streams=2000, streams_of_peers=300, words=8, pace_ms=2000, ramp_s=8.0),
    json_rounds=12,
    rate_rounds=8,
    prompt_rounds=8,
    image_rounds=6,
    paced_rounds=8,
    burst_rounds=10,
    beside_rounds=2,
    workers_rounds=10,
    round_s=0.4,
    rate_s=1.0,
    beside_words=60,
    lock_s=6.0,
    starts=3,
    admission_rows=(0, 100_000, 1_000_000),
    admission_rounds=20,
    with_mariadb=True,
)
QUICK = Plan(
    held=Held(streams=60, streams_of_peers=20, words=5, pace_ms=200, ramp_s=0.5),
    json_rounds=2,
    rate_rounds=1,
    prompt_rounds=1,
    image_rounds=1,
    paced_rounds=1,
    burst_rounds=2,
    beside_rounds=1,
    workers_rounds=2,
    round_s=0.1,
    rate_s=0.2,
    beside_words=10,
    lock_s=1.0,
    starts=1,
    admission_rows=(0, 1_000, 10_000),
    admission_rounds=3,
    with_mariadb=False,
)
