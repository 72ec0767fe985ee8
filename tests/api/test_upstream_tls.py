"""TLS to upstreams: whose certificates are trusted, for which names, and for how long a handshake is waited for."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from blueprints.api_v1 import upstream_wire
from blueprints.api_v1.errors import UpstreamTimeout, UpstreamUnreachable
from tests.api.sender import Sender

BODY = b'{"text":"' + b"x" * 300_000 + b'"}'
LARGE = b"y" * 2_000_000


class TlsUpstream:
    """Answers over TLS; knows what it was asked for by."""

    def __init__(self, pem: Path) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(pem)
        self._context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.names: list[str | None] = []
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def base_url(self, host: str) -> str:
        """The address by one of its names."""
        return f"https://{host}:{self.port}/v1"

    def close(self) -> None:
        """Listen no more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self._listener.accept()[0],), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), self._context.wrap_socket(client, server_side=True) as wrapped:
            self.connections += 1
            reader = wrapped.makefile("rb")
            while reader.readline():
                length = 0
                while (line := reader.readline().strip()) != b"":
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                assert len(reader.read(length)) == length
                wrapped.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY)


def write_certificate(pem: Path, *, names: list[x509.GeneralName], days: tuple[int, int] = (-1, 1)) -> None:
    """Write a certificate that signs itself, for these names beside the common name ``localhost``, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    pem.write_bytes(
        certificate.public_bytes(Encoding.PEM) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )


@contextlib.contextmanager
def trusted(pem: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TlsUpstream]:
    """An upstream whose certificate is among the authorities that are trusted."""
    upstream = TlsUpstream(pem)
    monkeypatch.setattr(upstream_wire, "DEFAULT_CA_BUNDLE_PATH", str(pem))
    upstream_wire._trust.cache_clear()
    try:
        yield upstream
    finally:
        upstream_wire._trust.cache_clear()
        upstream.close()


LOCALHOST = x509.DNSName("localhost")
LOOPBACK = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_trusted_certificate_for_the_name_is_spoken_with_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    write_certificate(tmp_path / "pem", names=[LOCALHOST, LOOPBACK])
    with trusted(tmp_path / "pem", monkeypatch) as upstream:
        sender = Sender(upstream.base_url(host))
        for body in (b"{}", LARGE, b"{}"):
            assert sender.send(body) == {"text": "x" * 300_000}
        assert upstream.connections == 1
        assert upstream.names == ["localhost" if host == "localhost" else None]


@pytest.mark.parametrize(
    ("host", "names", "days"),
    [
        ("127.0.0.1", [LOCALHOST], (-1, 1)),
        ("localhost", [LOOPBACK, x509.DNSName("other.test"), x509.DNSName("*.localhost")], (-1, 1)),
        ("localhost", [], (-1, 1)),
        ("localhost", [LOCALHOST], (-2, -1)),
        ("localhost", [LOCALHOST], (1, 2)),
    ],
    ids=["address", "other-names", "common-name-alone", "expired", "not-yet"],
)
def test_certificate_for_another_name_or_time_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    names: list[x509.GeneralName],
    days: tuple[int, int],
) -> None:
    write_certificate(tmp_path / "pem", names=names, days=days)
    with trusted(tmp_path / "pem", monkeypatch) as upstream:
        error = Sender(upstream.base_url(host)).refusal()
    assert type(error) is UpstreamUnreachable
    assert "CERTIFICATE_VERIFY_FAILED" in str(error.detail)


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_certificate_of_an_unknown_authority_is_refused_whatever_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    write_certificate(tmp_path / "pem", names=[LOCALHOST])
    monkeypatch.setenv(variable, str(tmp_path / "pem"))
    with contextlib.closing(TlsUpstream(tmp_path / "pem")) as upstream:
        error = Sender(upstream.base_url("localhost")).refusal()
    assert type(error) is UpstreamUnreachable
    assert "self-signed certificate" in str(error.detail)


def test_handshake_that_does_not_come_about_ends_in_the_time_for_connecting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        started = time.monotonic()
        error = Sender(f"https://127.0.0.1:{mute.getsockname()[1]}/v1", connect_s=0.3).refusal()
        assert type(error) is UpstreamTimeout
        assert time.monotonic() - started < 2


def test_upstream_that_speaks_no_tls_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain:

        def answer() -> None:
            client, _ = plain.accept()
            with client:
                client.recv(10)
                client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        assert type(Sender(f"https://127.0.0.1:{plain.getsockname()[1]}/v1").refusal()) is UpstreamUnreachable
