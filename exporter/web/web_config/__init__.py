"""Prometheus' web configuration file (`--web.config.file`): TLS, users, rate limit and headers.

`models` is what may be written in the file, `reloader` reads it again when it changes, `tls_context` makes an
`ssl.SSLContext` of it, `basic_auth` checks passwords, and `middleware` is what every request passes first.
Invariant: what the file asks for is done or refused in a sentence, never ignored; docs/web-configuration.md
says which.
"""

from exporter.web.web_config.middleware import AccessControl

__all__ = ["AccessControl"]
