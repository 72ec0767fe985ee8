"""One gateway for matters of protocol: short times, and an alias for each way in which upstreams can be."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.api.client import Api
from tests.conftest import new_database
from tests.harness.demo import Demo
from tests.harness.gateway import Gateway
from tests.harness.processes import Processes, free_port

CONFIG = """
[service]
max_body_mb = 2

[[upstreams]]
name = "east"
base_url = "{demo}"
api_key_env = "EAST_API_KEY"
connect_timeout = 1
first_byte_timeout = 1
answer_timeout = 2
idle_timeout = 1

[[upstreams]]
name = "patient"
base_url = "{demo}"
first_byte_timeout = 40
answer_timeout = 40
idle_timeout = 40

[[upstreams]]
name = "refused"
base_url = "http://127.0.0.1:{closed_port}/v1"

[[upstreams]]
name = "nowhere"
base_url = "http://no-such-host.invalid/v1"

[[upstreams]]
name = "untrusted"
base_url = "https://127.0.0.1:{tls_port}/v1"

[[upstreams]]
name = "mute"
base_url = "http://127.0.0.1:{mute_port}/v1"
connect_timeout = 0.5
first_byte_timeout = 1
answer_timeout = 1

[[profiles]]
alias = "plain"
context_length = 4096
routes = [{{ upstream = "east", model = "demo-model", price = {{ input = 1, output = 2 }} }}]

[[profiles]]
alias = "patient"
routes = [{{ upstream = "patient", model = "demo-model" }}]

[[profiles]]
alias = "capped"
max_output_tokens = 3
reasoning_effort = "low"
routes = [{{ upstream = "east", model = "demo-model" }}]

[[profiles]]
alias = "pair"
routes = [{{ upstream = "east", model = "demo-one" }}, {{ upstream = "east", model = "demo-two" }}]

[[profiles]]
alias = "cut-pair"
routes = [{{ upstream = "east", model = "cut-one" }}, {{ upstream = "east", model = "cut-two" }}]

[[profiles]]
alias = "differing"
routes = [
    {{ upstream = "east", model = "narrow-model", context_length = 4096, input = ["text"] }},
    {{ upstream = "east", model = "wide-model", context_length = 9000, input = ["text", "image"] }},
]

[[profiles]]
alias = "blind"
routes = [
    {{ upstream = "east", model = "demo-one", input = ["text"] }},
    {{ upstream = "east", model = "demo-two", input = ["text"] }},
]

[[profiles]]
alias = "rescued"
routes = [{{ upstream = "refused", model = "demo-one" }}, {{ upstream = "east", model = "demo-two" }}]

[[profiles]]
alias = "refused"
routes = [{{ upstream = "refused", model = "demo-model" }}]

[[profiles]]
alias = "nowhere"
routes = [{{ upstream = "nowhere", model = "demo-model" }}]

[[profiles]]
alias = "untrusted"
routes = [{{ upstream = "untrusted", model = "demo-model" }}]

[[profiles]]
alias = "mute"
routes = [{{ upstream = "mute", model = "demo-model" }}]

[[plans]]
slug = "all"
name = "All"
profile = "mute"

[[plans]]
slug = "small"
name = "Small"
profile = "plain"
daily = 5
monthly = 50
"""


@contextlib.contextmanager
def self_signed_server(folder: Path) -> Iterator[int]:
    """Listen for TLS with a certificate that nobody has reason to trust; gives the port."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    both = certificate.public_bytes(Encoding.PEM) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "both.pem").write_bytes(both)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client, contextlib.suppress(OSError):
                context.wrap_socket(client, server_side=True).close()

    threading.Thread(target=serve, daemon=True).start()
    with listener:
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="session")
def api_gateway(request: pytest.FixtureRequest, processes: Processes, demo: Demo) -> Iterator[Gateway]:
    """A gateway with one worker on SQLite; its default alias is ``mute``, so tests name theirs."""
    with contextlib.ExitStack() as stack, socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen(64)  # takes connections and never says a word
        tls = stack.enter_context(self_signed_server(processes.new_folder("tls")))
        config = CONFIG.format(
            demo=demo.base_url,
            closed_port=free_port(),
            tls_port=tls,
            mute_port=mute.getsockname()[1],
        )
        url = new_database(request, "sqlite", processes.new_folder("database"))
        with Gateway(processes, database_url=url, config=config, env={"EAST_API_KEY": "demo-key-4711"}) as gateway:
            yield gateway


@pytest.fixture(scope="session")
def api(api_gateway: Gateway) -> Api:
    """The account of the tests that do not look at quotas."""
    return Api(api_gateway, api_gateway.account(plan="all")["token"])


@pytest.fixture(scope="session")
def small_accounts(api_gateway: Gateway) -> Iterator[Api]:
    """Accounts of the plan ``small``, five prompts a day, each for one test."""
    return iter([Api(api_gateway, account["token"]) for account in api_gateway.accounts(8, plan="small")])


@pytest.fixture
def small(small_accounts: Iterator[Api]) -> Api:
    """An account of its own with five prompts a day."""
    return next(small_accounts)
