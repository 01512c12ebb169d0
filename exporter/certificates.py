"""TLS certificates of client and server: how a peer is verified, and how the exporter's own are loaded.

The API, its token endpoint, their proxies, and the clients of `--web.config.file` are verified with the same
flags on every Python version. The caller decides which authorities are trusted. Invariants: an inline
certificate needs no writable file system, and there is never a prompt for a password on the terminal.
"""

from __future__ import annotations

import ipaddress
import os
import re
import ssl
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from exporter.errors import ConfigError

VERIFY_FLAGS = ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST | ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
"""How a chain of certificates is verified: as in Go, and therefore Prometheus.

`VERIFY_X509_STRICT`, which Python sets by default since 3.13, is left out: it refuses authorities without
keyUsage or with basicConstraints that are not critical, and certificates without an authority key identifier
(RFC 5280, section 4.2), as many private authorities issue them. With `VERIFY_X509_PARTIAL_CHAIN`, the default
since 3.13, a chain ends at any trusted certificate: an intermediate one, or the server's own.
"""


def verified(context: ssl.SSLContext) -> ssl.SSLContext:
    """The context, which then verifies with exactly `VERIFY_FLAGS`."""
    context.verify_flags = VERIFY_FLAGS
    return context


_CERTIFICATE = re.compile("-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----.*?-----END \\1-----", re.DOTALL)


def authorities(pem: str) -> str:
    """The certificates in a PEM text, without comments; raises ValueError if there is none."""
    found = [match[0] for match in _CERTIFICATE.finditer(pem)]
    if not found:
        raise ValueError("no certificate")
    return "\n".join(found)


def require_name(context: ssl.SSLContext, allowed: Iterable[str]) -> None:
    """Makes handshakes fail if the certificate of the peer has none of these names.

    Names are DNS names, IP addresses, e-mail addresses or URIs (`subjectAltName`, RFC 5280, section 4.2.1.6).
    """
    wanted = frozenset(_canonical(name) for name in allowed)

    class Checked(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            if not names(self.getpeercert() or {}) & wanted:
                raise ssl.SSLCertVerificationError("the peer's certificate has none of the allowed names")

    context.sslobject_class = Checked


def names(certificate: Mapping[str, Any]) -> frozenset[str]:
    """The alternative names of a peer's certificate (as `getpeercert` gives it): DNS, IP, e-mail, URI."""
    return frozenset(_canonical(str(value)) for _, value in certificate.get("subjectAltName", ()))


def _canonical(name: str) -> str:
    """The canonical form of an IP address; other names are unchanged."""
    try:
        return str(ipaddress.ip_address(name.strip()))
    except ValueError:
        return name


def show(
    context: ssl.SSLContext, certificate: Path | bytes, key: Path | bytes, *, path: str, file: str = ""
) -> None:
    """Loads a certificate and its key into `context`; each is a PEM file or the content of one.

    Raises ConfigError, which names `file` and the dotted key `path`, if they cannot be used together.
    """
    try:
        _load_chain(context, certificate, key)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"certificate and key cannot be used together: {_chain_flaw(error)}",
            file=file,
            path=path,
            hint="write a PEM certificate and its own PEM key, without a password",
        ) from error


def _load_chain(context: ssl.SSLContext, certificate: Path | bytes, key: Path | bytes) -> None:
    with ExitStack() as stack:
        paths = [
            one if isinstance(one, Path) else stack.enter_context(_as_file(one)) for one in (certificate, key)
        ]
        context.load_cert_chain(paths[0], paths[1], password=_no_password)


def _chain_flaw(error: Exception) -> str:
    """Why a chain cannot be loaded, in plain words."""
    reason = getattr(error, "reason", None) or ""
    if reason in _CHAIN_FLAWS:
        return _CHAIN_FLAWS[reason]
    if isinstance(error, _Locked):
        return "the key is encrypted with a password"
    if isinstance(error, ssl.SSLError) or not isinstance(error, OSError):
        return "one of them is not valid PEM"
    return error.strerror or type(error).__name__


_CHAIN_FLAWS = {
    "KEY_VALUES_MISMATCH": "the key does not belong to the certificate",
    "KEY_TYPE_MISMATCH": "the key does not belong to the certificate",
    "EE_KEY_TOO_SMALL": "the certificate's key is too short",
    "CA_KEY_TOO_SMALL": "the key of the certificate's authority is too short",
    "CA_MD_TOO_WEAK": "the certificate is signed with a digest that is too weak",
}


@contextmanager
def _as_file(content: bytes) -> Iterator[Path]:
    """A file for the ssl module, which reads certificates from files only; in memory if possible (memfd).

    Without memfd (other systems, a seccomp profile) it is a private temporary file; raises OSError if that
    cannot be written.
    """
    try:
        handle = os.memfd_create("certificate", os.MFD_CLOEXEC)
    except (AttributeError, OSError):
        with _temporary() as file:
            file.write(content)
            file.flush()
            yield Path(file.name)
        return
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        yield Path(f"/proc/self/fd/{handle}")


def _temporary() -> IO[bytes]:
    try:
        return tempfile.NamedTemporaryFile()
    except OSError as error:
        said = "inline PEM fits neither into memory (memfd) nor into a temporary file: write it into files"
        raise OSError(error.errno, said) from error


class _Locked(ValueError):
    """The key needs a password."""


def _no_password() -> str:
    """Replaces the prompt on the terminal."""
    raise _Locked
