"""What a client gets, from what its headers allow: the exposition's form and its encoding.

Owns the reading of `Accept` and `Accept-Encoding` with their weights (RFC 9110, 12.4.2, 12.5.1 and 12.5.3).
It knows nothing of requests and responses; `scrape` asks it and sends. Headers come from strangers, so every
function answers for any text at all. Invariant: nothing is raised, and the answer depends on the text alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

Form = Literal["text", "openmetrics"]
Encoding = Literal["gzip", "identity"]

_WEIGHT = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")


class _Element(NamedTuple):
    """One element of a list header: its lower-case name, its parameters, and its weight from 0 to 1."""

    name: str
    parameters: Mapping[str, str]
    weight: float


class _Offer(NamedTuple):
    """A form we can send: its media type, and the versions a client may ask for, the best match first.

    The empty version stands for a range that names none.
    """

    form: Form
    kind: str
    subtype: str
    versions: tuple[str, ...]


_TEXT = _Offer("text", "text", "plain", ("0.0.4", ""))
# Prometheus up to 2.33 asks for OpenMetrics 0.0.1 alone. It reads 1.0.0, whose text is the same.
_OPENMETRICS = _Offer("openmetrics", "application", "openmetrics-text", ("1.0.0", "0.0.1", ""))


def form(accept: str | None) -> Form:
    """The form that an `Accept` header prefers; None is a request without one.

    The higher weight wins, then the more exactly named, then text. A header that allows neither gets text,
    never 406: Prometheus' own client libraries do so, and a person's browser or a probe sees something.
    """
    ranges = tuple(_elements(accept or "*/*"))
    return "openmetrics" if _liking(_OPENMETRICS, ranges) > _liking(_TEXT, ranges) else "text"


def encoding(accept_encoding: str | None) -> Encoding | None:
    """The encoding that an `Accept-Encoding` header prefers, None where it refuses both (406).

    Without a header nothing is compressed: RFC 9110 would allow it, but such clients seldom inflate.
    """
    weights = {element.name: element.weight for element in _elements(accept_encoding or "")}
    rest = weights.get("*")
    squeezed = weights.get("gzip", weights.get("x-gzip", rest or 0.0))
    plain = weights.get("identity", rest)
    if squeezed > 0 and squeezed >= (plain or 0.0):
        return "gzip"
    return None if plain == 0 else "identity"


def _liking(offer: _Offer, ranges: tuple[_Element, ...]) -> tuple[float, int]:
    """How much a client likes an offer: the weight of the range that fits it best, and how well that fits."""
    fits = ((_fit(offer, element), element.weight) for element in ranges)
    fit, weight = max(fits, default=(0, 0.0))
    return (weight, fit) if fit and weight else (0.0, 0)


def _fit(offer: _Offer, element: _Element) -> int:
    """How exactly a media range names an offer, 0 where it does not (RFC 9110, 12.5.1, precedence).

    Parameters other than the version say nothing here: the charset is always UTF-8, and our names need no
    escaping.
    """
    kind, _, subtype = element.name.partition("/")
    if (kind, subtype) == (offer.kind, offer.subtype):
        version = element.parameters.get("version", "")
        return 2 + len(offer.versions) - offer.versions.index(version) if version in offer.versions else 0
    if subtype != "*":
        return 0
    return {offer.kind: 2, "*": 1}.get(kind, 0)


def _elements(header: str) -> Iterator[_Element]:
    """The elements of a list header in order, empty ones left out."""
    for part in header.lower().split(","):
        name, *rest = (piece.strip() for piece in part.split(";"))
        pairs = (piece.partition("=") for piece in rest)
        parameters = {key.strip(): value.strip().strip('"') for key, _, value in pairs}
        if name:
            yield _Element(name, parameters, _weight(parameters.get("q", "1")))


def _weight(text: str) -> float:
    """A weight as a number; what is not one counts as not given, so that a slip refuses nobody."""
    return float(text) if _WEIGHT.fullmatch(text) else 1.0
