"""Who may come in, and how securely: Prometheus' web configuration file (`--web.config.file`).

`yaml` reads the file, `models` says what it means, `reloader` keeps both up to date; `tls_context` makes TLS
of it, `basic_auth` checks credentials, `token_bucket` limits the rate of requests, and `middleware` is what
the program puts before its pages. Which pages there are is `exporter.web.server`'s. Invariant: what the file
asks for is done or refused in a sentence, never ignored; docs/web-configuration.md says which.
"""

from exporter.web.web_config.middleware import AccessControl

__all__ = ["AccessControl"]
