"""Whatever the file holds, it can be used or is refused in a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.errors import ConfigError
from exporter.web.web_config import AccessControl, models

from .served import HASHES, Folder

WORDS = (
    *("server.crt", "server.key", "ca.crt", ".", "nowhere", "deny", "nosniff", "true", "1s", "0", "20", "1h"),
    *("TLS10", "TLS12", "TLS13", "RequireAnyClientCert", *get_args(get_args(models.ClientAuthType)[0])),
    *(*get_args(models.Curve), *models.TLS13_SUITES, *models.TLS12_SUITES, *HASHES.values()),
)
KEYS = (
    *(
        "tls_server_config",
        "http_server_config",
        "basic_auth_users",
        "rate_limit",
        "interval",
        "burst",
        "http2",
    ),
    *("headers", "X-Frame-Options", "X-XSS-Protection", "cert", "key", "client_ca", "cert_file", "key_file"),
    *("client_ca_file", "client_auth_type", "client_allowed_sans", "min_version", "max_version"),
    *("cipher_suites", "prefer_server_cipher_suites", "curve_preferences", "alice"),
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | st.text(max_size=12)
    | st.sampled_from(WORDS)
)
LISTS = st.lists(SCALARS, max_size=3)
LEAVES = SCALARS | LISTS
TLS = st.fixed_dictionaries(
    {"cert_file": st.sampled_from(WORDS[:5]), "key_file": st.sampled_from(WORDS[:5])},
    optional=dict.fromkeys(KEYS[KEYS.index("client_ca_file") : -1], LEAVES),
)
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner, max_size=4)
)
FILES = st.fixed_dictionaries(
    {},
    optional={
        "tls_server_config": TLS | ANYTHING,
        "http_server_config": st.fixed_dictionaries({}, optional={"http2": LEAVES, "headers": ANYTHING}),
        "basic_auth_users": st.dictionaries(st.text(max_size=5), LEAVES, max_size=2) | ANYTHING,
        "rate_limit": st.fixed_dictionaries({}, optional={"interval": LEAVES, "burst": LEAVES}),
    },
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return Folder(tmp_path_factory.mktemp("any"))


def usable(file: Path) -> None:
    """Uses the file, or finds that its refusal is made of lines that name it."""
    try:
        AccessControl(file)
    except ConfigError as error:
        for line in str(error).split("\n"):
            assert line.startswith(f"{file}: ")
            assert line.endswith(")")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FILES | ANYTHING)
def test_any_tree_is_used_or_refused(folder: Folder, tree: object) -> None:
    usable(folder.web(yaml.safe_dump(tree, allow_unicode=True)))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet="abl:_-[]{}&*!<\"'\\U0 \n\t|>#%@,?~", max_size=60) | st.text(max_size=40))
def test_any_text_is_used_or_refused(folder: Folder, text: str) -> None:
    usable(folder.web(text.encode(errors="replace")))
