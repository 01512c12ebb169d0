"""What the operator may set: the schema, its layers, its errors, and what the program uses of it.

`load` gives Settings; `Settings.targets` gives what is listed. How they are used is everybody
else's business. Invariant: all of it is frozen, and no secret is ever shown.
"""

from exporter.settings.api_models import (
    Api,
    Apis,
    Authorization,
    BasicAuth,
    Header,
    OAuth2,
    Proxied,
    Reader,
    TlsConfig,
    read_pem,
    read_secret,
    read_text,
)
from exporter.settings.collection import Characteristic, Collection, Collections
from exporter.settings.load import load, secret_files
from exporter.settings.models import Limits, Log, Retention, Settings, Shard, Web
from exporter.settings.target import Target

__all__ = [
    "Api",
    "Apis",
    "Authorization",
    "BasicAuth",
    "Characteristic",
    "Collection",
    "Collections",
    "Header",
    "Limits",
    "Log",
    "OAuth2",
    "Proxied",
    "Reader",
    "Retention",
    "Settings",
    "Shard",
    "Target",
    "TlsConfig",
    "Web",
    "load",
    "read_pem",
    "read_secret",
    "read_text",
    "secret_files",
]
