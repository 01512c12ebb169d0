"""Asks a running exporter whether it is healthy, for the health checks of containers.

The request is HTTP or HTTPS to `/-/healthy`. The certificate of the exporter is not verified: nothing secret
is sent, and only whether it answers matters. It prints nothing; the command line does.
"""

from __future__ import annotations

import argparse
import http.client
import ssl
import urllib.parse
from pathlib import Path

from exporter import errors

TIMEOUT = 5.0
"""Seconds to wait for the connection and for the response."""

_ALIVE = (
    http.client.OK,
    http.client.UNAUTHORIZED,
    http.client.FORBIDDEN,
    http.client.TOO_MANY_REQUESTS,
)
"""A process that rejects a client is alive, too."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of the command."""
    parser.add_argument(
        "--url", default="http://127.0.0.1:10638/-/healthy", help="URL to request (default: %(default)s)"
    )
    parser.add_argument(
        "--cert",
        type=Path,
        metavar="FILE",
        help="client certificate in PEM, if the exporter requires one (default: none)",
    )
    parser.add_argument(
        "--key",
        type=Path,
        metavar="FILE",
        help="key of the client certificate (default: the key in the file of --cert)",
    )


class UnreachableError(Exception):
    """No response; the text says why."""


def ask(url: str, cert: Path | None = None, key: Path | None = None) -> tuple[bool, str]:
    """Whether the exporter at `url` is healthy, and the text of its response.

    `cert` and `key` are the client certificate in PEM. Raises `ConfigError` if the URL or the certificate
    cannot be used, and `UnreachableError` if there is no response.
    """
    no_url = errors.ConfigError(f"{url!r} is no URL", file="--url", hint="write http://HOST:PORT/-/healthy")
    try:
        parts = urllib.parse.urlsplit(url)
        connection = _connection(parts, cert, key)
    except (ValueError, http.client.InvalidURL) as error:
        raise no_url from error
    if connection is None:
        raise no_url
    try:
        connection.request("GET", parts.path or "/-/healthy")
        response = connection.getresponse()
        text = response.read(1000).decode("utf-8", "replace").strip()
    except (ValueError, http.client.InvalidURL) as error:
        raise no_url from error
    except (OSError, http.client.HTTPException) as error:
        if parts.scheme == "https" and cert is None and _requires_certificate(error):
            return True, "The exporter is running, and wants a client certificate: give --cert and --key."
        raise UnreachableError(f"no answer from {connection.host}:{connection.port}: {error}") from error
    finally:
        connection.close()
    return response.status in _ALIVE, text


def _requires_certificate(error: Exception) -> bool:
    """Whether the server ended the TLS handshake, or the connection right after it.

    A client without a certificate sees this if the server requires one.
    """
    if isinstance(error, ssl.SSLZeroReturnError):  # an end without an alert, as Python 3.11.2 sees it
        return True
    if isinstance(error, ssl.SSLError):
        return any(word in (error.reason or "") for word in ("ALERT", "UNEXPECTED_EOF"))
    return isinstance(error, http.client.RemoteDisconnected)


def _connection(
    url: urllib.parse.SplitResult, cert: Path | None, key: Path | None
) -> http.client.HTTPConnection | None:
    """A connection to the host of a URL; None if the URL has no host or another scheme.

    Raises ValueError for an invalid port, `ConfigError` for a certificate that cannot be used.
    """
    if not url.hostname:
        return None
    if url.scheme == "http":
        return http.client.HTTPConnection(url.hostname, url.port, timeout=TIMEOUT)
    if url.scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if cert is not None:
            try:
                context.load_cert_chain(cert, key)
            except (OSError, ValueError) as error:  # an ssl.SSLError is an OSError
                raise errors.ConfigError(
                    f"cannot be used: {error}", file=f"--cert {cert}", hint="give a PEM file, and its --key"
                ) from error
        return http.client.HTTPSConnection(url.hostname, url.port, timeout=TIMEOUT, context=context)
    return None
