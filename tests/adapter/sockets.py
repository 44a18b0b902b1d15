"""Servers on loopback that do what no HTTP library would, and certificates that nobody else trusts."""

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Answer = Callable[[socket.socket], None]

_END_OF_HEAD = b"\r\n\r\n"


@dataclass(slots=True)
class Server:
    """A server on loopback.

    Attributes:
        port: where it listens.
        heads: request line and headers of each request, as received.
        broken: connections that failed before a request was read.
        over: set when the test is over.
    """

    port: int
    heads: list[str] = field(default_factory=list)
    broken: int = 0
    over: threading.Event = field(default_factory=threading.Event)


def _serve(listener: socket.socket, server: Server, answer: Callable[[Server, socket.socket], None],
           tls: ssl.SSLContext | None) -> None:  # fmt: skip
    while True:
        try:
            accepted, _ = listener.accept()
        except OSError:
            return
        accepted.settimeout(5)
        with accepted, suppress(OSError):
            try:
                connection = accepted if tls is None else tls.wrap_socket(accepted, server_side=True)
            except OSError:
                server.broken += 1
                continue
            with connection:
                head = b""
                while _END_OF_HEAD not in head and (received := connection.recv(65_536)):
                    head += received
                if head:
                    server.heads.append(head.partition(_END_OF_HEAD)[0].decode())
                    answer(server, connection)


@contextmanager
def serving(answer: Callable[[Server, socket.socket], None], tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """A server that answers each connection's first request, one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(listener.getsockname()[1])
        thread = threading.Thread(target=_serve, args=(listener, server, answer, tls))
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=10)


def saying(head: str, body: bytes = b"") -> Callable[[Server, socket.socket], None]:
    """Answers that, and closes."""
    length = f"Content-Length: {len(body)}\r\nConnection: close"
    whole = f"HTTP/1.1 {head}\r\n{length}\r\n\r\n".encode() + body
    return lambda _, connection: connection.sendall(whole)


def dripping(server: Server, connection: socket.socket) -> None:
    """A byte now and then, for as long as anybody listens."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{")
    while not server.over.is_set():
        connection.sendall(b" ")
        server.over.wait(0.02)


def tunnelling(tls: ssl.SSLContext) -> Callable[[Server, socket.socket], None]:
    """A proxy that takes every CONNECT, and then answers in the host's place."""

    def answer(server: Server, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        with tls.wrap_socket(connection.dup(), server_side=True) as tunnel:
            server.heads.append(tunnel.recv(65_536).decode())

    return answer


def resetting(_: Server, connection: socket.socket) -> None:
    """The connection is gone without a word."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def resetting_in_the_body(server: Server, connection: socket.socket) -> None:
    """The connection is gone in the middle of an answer."""
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"data": ')
    time.sleep(0.02)  # a reset overtakes what has not been read
    resetting(server, connection)


def babbling(_: Server, connection: socket.socket) -> None:
    """No HTTP at all."""
    connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")


# Certificates


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, signer: tuple[x509.Name, ec.EllipticCurvePrivateKey] | None
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, signing_key = signer or (subject, key)
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))])
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=signer is None, crl_sign=signer is None, encipher_only=False,
        decipher_only=False,
    )  # fmt: skip
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=signer is None, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(names, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), critical=False)
        .sign(signing_key, hashes.SHA256())
    )


@dataclass(frozen=True, slots=True)
class Authority:
    """A private certificate authority, and a server that it vouches for.

    Attributes:
        file: the authority's certificate, for whoever is to trust it.
        tls: the server's side.
    """

    file: Path
    tls: ssl.SSLContext


def authority(folder: Path) -> Authority:
    """A new authority whose files stand in the folder."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = _certificate("A private authority", ca_key, None)
    leaf = _certificate("localhost", key, (ca.subject, ca_key))
    file, chain = folder / "authority.pem", folder / "server.pem"
    file.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain.write_bytes(private + leaf.public_bytes(serialization.Encoding.PEM))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(chain)
    return Authority(file, tls)
