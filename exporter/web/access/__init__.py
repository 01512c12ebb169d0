"""Who may come in, and how securely: Prometheus' web configuration file (`--web.config.file`).

`document` reads the file, `rules` says what it means, `current` keeps both up to date; `secure` makes TLS of
it, `passwords` checks credentials, `bucket` paces requests, and `gate` is what the program puts before its
pages. Which pages there are is `exporter.web.server`'s. Invariant: what the file asks for is done or refused
in a sentence, never ignored; docs/web-configuration.md says which.
"""

from exporter.web.access.gate import Access

__all__ = ["Access"]
