"""The configuration: what can be set, where it is read from, its errors, and what the program uses of it.

`load` returns Settings; `Settings.targets` returns the enabled collections. Invariant: all of it is frozen,
and no secret is ever shown.
"""

from exporter.settings.api_models import (
    Api,
    Authorization,
    BasicAuth,
    OAuth2,
    Proxied,
    Reader,
    TlsConfig,
    read_pem,
    read_secret,
)
from exporter.settings.load import load, secret_files
from exporter.settings.models import Limits, Settings, Web
from exporter.settings.target import Target

__all__ = [
    "Api",
    "Authorization",
    "BasicAuth",
    "Limits",
    "OAuth2",
    "Proxied",
    "Reader",
    "Settings",
    "Target",
    "TlsConfig",
    "Web",
    "load",
    "read_pem",
    "read_secret",
    "secret_files",
]
