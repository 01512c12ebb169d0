"""How Go's programs write single values: flags, durations, and what they call TLS' versions, suites, curves.

Each function reads a text into what Python's ssl or the program uses; OpenSSL has names of its own for suites
and curves. Where a value stands, and what is allowed together, is `models`' business. Invariant: a text that
is not understood is None, never a default.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping

_TRUE = frozenset(("y", "yes", "true", "on"))
_FALSE = frozenset(("n", "no", "false", "off"))
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_STEP = re.compile(rf"(\d{{1,12}}(?:\.\d{{0,12}})?|\.\d{{1,12}})({'|'.join(_UNITS)})", re.ASCII)

VERSIONS: Mapping[str, ssl.TLSVersion | None] = {
    "TLS10": None,
    "TLS11": None,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}
"""None for those that OpenSSL 3 no longer speaks at the security level it is shipped with."""

VERIFY: Mapping[str, ssl.VerifyMode | None] = {
    "NoClientCert": ssl.CERT_NONE,
    "RequestClientCert": None,
    "RequireClientCert": None,
    "RequireAnyClientCert": None,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
"""None for those that ask for a certificate and believe any, which Python's ssl cannot do."""

CURVES: Mapping[str, str] = {
    "X25519": "X25519",
    "CurveP256": "prime256v1",
    "CurveP384": "secp384r1",
    "CurveP521": "secp521r1",
}

NEW_SUITES = frozenset(("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"))
"""Those of TLS 1.3. They are all on whatever the list says, in Go as here; naming them is allowed."""

SUITES: Mapping[str, str] = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384": "AES256-GCM-SHA384",
    "TLS_RSA_WITH_AES_128_CBC_SHA": "AES128-SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA": "AES256-SHA",
}
"""Those of TLS 1.2 that Go calls secure, or did until 1.22."""


def flag(text: str) -> bool | None:
    """A YAML 1.1 boolean, which is what Go's YAML reads."""
    word = text.lower()
    return True if word in _TRUE else False if word in _FALSE else None


def seconds(text: str) -> float | None:
    """A Go duration (`1s`, `250ms`, `1m30s`, `0`) in seconds; not negative, without days."""
    if text == "0":
        return 0.0
    steps = _STEP.findall(text)
    if not steps or "".join(f"{count}{unit}" for count, unit in steps) != text:
        return None
    return sum(float(count) * _UNITS[unit] for count, unit in steps)


def count(text: str) -> int | None:
    """A whole number of at most nine digits."""
    return int(text) if re.fullmatch(r"\d{1,9}", text, re.ASCII) else None
