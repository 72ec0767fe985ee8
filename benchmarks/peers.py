"""The peers: LiteLLM's proxy and Portkey's gateway, each as small as it can be set up.

Neither has a database here: no usage row, no quota, one key. What they do is a lower bound of what Smart Route does.
``peer_programs/install`` puts them into ``.venv/peers``.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from benchmarks.programs import Program, Unavailable, found, new_place
from benchmarks.targets import ALIAS, LITELLM, PORTKEY, bearer
from benchmarks.upstream_answers import MODEL
from tests.harness.processes import ROOT, Processes

PLACE = ROOT / ".venv" / "peers"
PORTKEY_SERVER = "node_modules/@portkey-ai/gateway/build/start-server.js"
PROGRAMS = ROOT / "benchmarks" / "peer_programs"
LITELLM_KEY = "sk-bench"

LITELLM_CONFIG = """
model_list:
  - model_name: {alias}
    litellm_params:
      model: openai/{model}
      api_base: http://127.0.0.1:{upstream_port}/v1
      api_key: none
      use_chat_completions_api: true
general_settings:
  master_key: {key}
litellm_settings:
  telemetry: false
  num_retries: 0
"""
# What it would fetch from other machines when it starts, or now and then.
LITELLM_STAYS_HERE = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_AUTOROUTER_PRESETS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_LOCAL_POLICY_TEMPLATES": "true",
    "LITELLM_LOG": "ERROR",
    "NO_PROXY": "127.0.0.1,localhost",
}


def litellm(processes: Processes, upstream_port: int) -> Program:
    """LiteLLM's proxy: one alias, one master key, one worker, no database. Raises Unavailable."""
    program = installed("litellm") / "bin" / "litellm"
    folder, port = new_place(processes, "litellm")
    config = folder / "config.yaml"
    config.write_text(
        LITELLM_CONFIG.format(alias=ALIAS, model=MODEL, upstream_port=upstream_port, key=LITELLM_KEY),
        encoding="utf-8",
    )
    command: list[str | Path] = [
        program, "--config", config, "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1",
        "--telemetry", "False",
    ]  # fmt: skip
    headers = (bearer(LITELLM_KEY),)
    return Program(LITELLM, command, folder, port, headers, env=LITELLM_STAYS_HERE, patience_s=120)


def portkey(processes: Processes, upstream_port: int) -> Program:
    """Portkey's gateway on Node: told by a header where to go and what to ask for; it knows no keys of its own.

    Raises:
        Unavailable: it cannot take part.
    """
    server = installed("portkey") / PORTKEY_SERVER
    folder, port = new_place(processes, "portkey")
    command: list[str | Path] = [
        found("node"),
        "--require",
        PROGRAMS / "loopback.cjs",
        server,
        f"--port={port}",
        "--headless",
    ]
    config = {
        "provider": "openai",
        "custom_host": f"http://127.0.0.1:{upstream_port}/v1",
        "api_key": "none",
        "override_params": {"model": MODEL},
    }
    headers = (("x-portkey-config", json.dumps(config)),)
    return Program(PORTKEY, command, folder, port, headers, env={"NODE_ENV": "production"})


def install(names: Iterable[str]) -> None:
    """Install the peers of these names that are not there; what cannot be installed is said on standard error."""
    subprocess.run([PROGRAMS / "install", *(name.lower() for name in names)], check=True)


def installed(peer: str) -> Path:
    """Where a peer has been installed completely. Raises Unavailable."""
    if not (PLACE / peer / ".made-for").exists():
        raise Unavailable("could not be installed here")
    return PLACE / peer


MAKERS: Mapping[str, Callable[[Processes, int], Program]] = {LITELLM: litellm, PORTKEY: portkey}
