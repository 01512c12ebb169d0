"""What a response says of itself, as messages show it: without the credentials of the client.

An API or a proxy may repeat a request in an error page, an error object or a redirect, and parts of those are
in the log, on the status page and in the output of `check`. Complete texts are redacted, against the
credentials of the settings and those sent recently, since secrets and tokens change. The data of a page is
never changed: a password that occurs in it by chance is no secret there. Invariant: a text is searched as it
is, and with its HTML, JSON and URL escapes undone.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
import urllib.parse
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeVar

import msgspec
import yarl
from pydantic import SecretStr

from exporter import errors, settings
from exporter.client import error_mapping, proxy
from exporter.client.auth import TokenRequest
from exporter.inventory.text import clean

SHORTEST = 4
"""Characters: shorter credentials are not looked for. They would spoil every text, and protect nothing."""

_FREE = 6  # characters from which on a credential is found within a longer word, too
_PART = 8  # characters of a longer credential's beginning that are blanked where a text was cut behind them
_LAYERS = 4  # escapes within escapes that are undone
_LONGEST = 10_000  # characters of a text; what people read is shorter
_BLANK = "***"
_ESCAPE = re.compile(
    r"(?P<html>&(?:#[0-9]{1,9};?|#[xX][0-9a-fA-F]{1,8};?|[A-Za-z][A-Za-z0-9]{1,30};|(?:amp|lt|gt|quot)))"
    r"|(?P<url>(?:%[0-9a-fA-F]{2})+)"
    r"|\\u(?P<high>[dD][89abAB][0-9a-fA-F]{2})\\u(?P<low>[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|\\(?:x(?P<x>[0-9a-fA-F]{2})|u(?P<u>[0-9a-fA-F]{4})|u\{(?P<braced>[0-9a-fA-F]{1,6})\}"
    r"|U(?P<long>[0-9a-fA-F]{8})|(?P<plain>[^ux\s]))"
)
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


_REMEMBERED = 64
"""Credentials that were sent and are not in the settings: those of the last day, if a token lives an hour."""

_SECRET_NAME = re.compile(
    r"pass|secret|signature|^sig$|auth|credential|api[-_]?key|^key$|access[-_]?token|^token$|jwt|session",
    re.IGNORECASE,
)
"""Names of parameters with values that a log line does not show: a link of the API may be signed."""

_PUBLIC = ("grant_type", "scope")
"""Parameters of the request for a token that are no secret."""

Failed = TypeVar("Failed", bound=errors.SourceError)


class Credential(NamedTuple):
    """A text to look for. One that `is_name`, of a user or a client, is blanked as a whole word only."""

    text: str
    is_name: bool = False


def of_header(value: str) -> Iterator[Credential]:
    """The credentials in the value of a header: all of it, its words, and the parts of basic authentication.

    The scheme of an Authorization header is none of them.
    """
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() == "basic":
        yield Credential(rest)
        yield from _of_basic(rest)
    elif rest and " " not in rest and re.fullmatch(r"[A-Za-z-]{1,20}", scheme):
        yield Credential(rest)
    else:
        yield Credential(value.strip())
        for word in re.split(r"[\s;,]+", value):
            name, _, value = word.partition("=")
            yield from (Credential(part) for part in (word, value or name) if len(part) >= _PART)


def _of_basic(encoded: str) -> Iterator[Credential]:
    """User and password (RFC 7617), as they are and, for a token endpoint, without a form's escapes."""
    yield Credential(encoded.rstrip("="))
    try:
        pair = base64.b64decode(encoded).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return
    user, _, password = pair.partition(":")
    yield Credential(pair)
    yield Credential(password)
    yield Credential(user, is_name=True)


class Redaction:
    """Blanks these credentials, but where a text repeats what is `spared`, such as the API's URL."""

    def __init__(self, credentials: Iterable[Credential], spared: Iterable[str] = ()) -> None:
        self._wanted = {
            Credential(form, is_name=credential.is_name or len(form) < _FREE)
            for credential in credentials
            for form in _forms(credential.text)
            if len(form) >= SHORTEST
        }
        self._spared = tuple(filter(None, spared))

    def redact(self, text: str) -> str:
        """The text with three asterisks for each credential, or what is left of one that was cut.

        At most 10,000 characters come back.
        """
        text = text if len(text) <= 2 * _LONGEST else text[: 2 * _LONGEST]
        spans = sorted(set(self._spans(text)))
        parts: list[str] = []
        end = 0
        for start, stop in spans:
            if start >= end:
                parts.extend((text[end:start], _BLANK))
            end = max(end, stop)
        parts.append(text[end:])
        blanked = "".join(parts)
        return blanked if len(blanked) <= _LONGEST else f"{blanked[: _LONGEST - 1]}…"

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where credentials begin and end in the text, however they are escaped."""
        spared = [found.span() for allowed in self._spared for found in re.finditer(re.escape(allowed), text)]
        for layer in _layers(text):
            for credential in self._wanted:
                for start, stop in _found(layer.text, credential):
                    span = layer.starts[start], layer.starts[stop]
                    if not any(first <= span[0] and span[1] <= last for first, last in spared):
                        yield span


def _found(text: str, credential: Credential) -> Iterator[tuple[int, int]]:
    """Where the credential stands, or so much of a long one as is left where the text was cut."""
    word = credential.text
    part = word if credential.is_name else word[:_PART]
    start = text.find(part)
    while start >= 0:
        stop = start + len(part)
        while start + len(word) > stop and text[stop : stop + 1] == word[stop - start]:
            stop += 1
        if not (credential.is_name and (text[:start][-1:].isalnum() or text[stop : stop + 1].isalnum())):
            yield start, stop
        start = text.find(part, stop)


class _DecodedText(NamedTuple):
    """A text, and for each of its characters, and its end, where that begins in the text it was read from."""

    text: str
    starts: list[int]


def _layers(text: str) -> Iterator[_DecodedText]:
    """The text as it is, and as it reads with its escapes undone, once and again."""
    layer = _DecodedText(text, list(range(len(text) + 1)))
    for _ in range(_LAYERS):
        yield layer
        if not _ESCAPE.search(layer.text):
            return
        layer = _unescaped(layer)
    yield layer


def _unescaped(layer: _DecodedText) -> _DecodedText:
    """The layer with each escape undone once."""
    characters: list[str] = []
    starts: list[int] = []
    end = 0
    for found in _ESCAPE.finditer(layer.text):
        characters.append(layer.text[end : found.start()])
        starts.extend(layer.starts[end : found.start()])
        offset = found.start()
        for character, length in _meant(found):
            characters.append(character)
            starts.append(layer.starts[offset])
            offset += length
        end = found.end()
    characters.append(layer.text[end:])
    starts.extend(layer.starts[end:])
    return _DecodedText("".join(characters), starts)


def _meant(escape: re.Match[str]) -> Iterator[tuple[str, int]]:
    """The characters that an escape stands for, each with how many characters of the escape it takes."""
    whole, kind = escape[0], escape.lastgroup
    if kind == "url":
        octets = bytes.fromhex(whole.replace("%", ""))
        for character in octets.decode("utf-8", "surrogateescape"):
            yield character, 3 * len(character.encode("utf-8", "surrogateescape"))
    elif kind == "html":
        meant = html.unescape(whole)
        for place, character in enumerate(meant):
            yield character, len(whole) if place == len(meant) - 1 else 0
    elif kind == "low":
        pair = bytes.fromhex(f"{escape['high']}{escape['low']}")
        yield pair.decode("utf-16-be"), len(whole)
    elif kind == "plain":
        yield _CONTROLS.get(escape["plain"], escape["plain"]), len(whole)
    else:
        point = int(escape[kind or 0], 16)
        yield chr(point) if point < 0x110000 else whole[0], len(whole)


def _forms(text: str) -> Iterator[str]:
    """The ways in which a text may be found in one that was read: as it is, and as reading changes it."""
    try:
        octets = text.encode()
    except UnicodeEncodeError:
        octets = text.encode("utf-8", "surrogateescape")
    for form in {
        text,
        " ".join(text.split()),
        text.replace(" ", "+"),
        errors.bare(text),
        octets.decode("latin-1"),
        urllib.parse.quote_plus(octets),
    }:
        yield form
        *_, last = _layers(form)
        yield last.text


def shown_query(url: yarl.URL, redaction: Redaction) -> str:
    """The query of a URL for the log, not escaped, without credentials and values of secret parameters."""
    pairs = (f"{name}={_BLANK if _SECRET_NAME.search(name) else value}" for name, value in url.query.items())
    return redaction.redact(clean("&".join(pairs)))


def redacted(error: Failed, redaction: Redaction) -> Failed:
    """The error itself, its message and its hint blanked."""
    error.args = (redaction.redact(str(error)),)
    error.hint = redaction.redact(error.hint)
    return error


class Credentials:
    """The credentials of the client of `http`: those of its settings, and the last ones that were sent.

    Texts of the operator's that are `spared` are never blanked.
    """

    def __init__(self, http: settings.Api, spared: Iterable[str] = ()) -> None:
        self._configured = tuple(_configured(http))
        self._spared = tuple(spared)
        self._sent: dict[Credential, None] = {}
        self._redaction: Redaction | None = None

    def add_header(self, value: str) -> None:
        """This value of a header is sent."""
        for credential in of_header(value):
            self._remember(credential)

    def add_token_request(self, request: TokenRequest) -> None:
        """This request for a token is sent."""
        self.add_header(request.headers.get("Authorization", ""))
        for name, value in urllib.parse.parse_qsl(request.form):
            if name not in _PUBLIC:
                self._remember(Credential(value, is_name=name == "client_id"))

    def _remember(self, credential: Credential) -> None:
        if credential in self._sent:
            del self._sent[credential]  # the latest stand last
        else:
            self._redaction = None
        self._sent[credential] = None
        while len(self._sent) > _REMEMBERED:
            del self._sent[next(iter(self._sent))]

    @property
    def redaction(self) -> Redaction:
        """Blanks all that is known now."""
        if self._redaction is None:
            self._redaction = Redaction((*self._configured, *self._sent), self._spared)
        return self._redaction


def _configured(http: settings.Api) -> Iterator[Credential]:
    """The credentials that stand in the settings themselves, whether they are ever sent or not."""
    if http.basic_auth is not None:
        yield from _secret(http.basic_auth.password)
        yield Credential(http.basic_auth.username or "", is_name=True)
    if http.authorization is not None:
        yield from _secret(http.authorization.credentials)
    for header in http.http_headers.values():
        for value in (*header.values, *header.secrets):
            yield from of_header(value.get_secret_value())
    yield from _of_proxy(http)
    if http.oauth2 is not None:
        yield from _secret(http.oauth2.client_secret)
        yield Credential(http.oauth2.client_id, is_name=True)
        for name, parameter in http.oauth2.endpoint_params.items():
            if name not in _PUBLIC:
                yield from _secret(parameter)
        query = urllib.parse.urlsplit(http.oauth2.token_url).query
        yield from (Credential(value) for _, value in urllib.parse.parse_qsl(query))
        yield from _of_proxy(http.oauth2)


def _secret(written: SecretStr | None) -> Iterator[Credential]:
    if written is not None:
        yield Credential(written.get_secret_value())


def _of_proxy(block: settings.Proxied) -> Iterator[Credential]:
    for value in proxy.connect_headers(block).values():
        yield from of_header(value)
    if block.proxy_url is not None:
        url = urllib.parse.urlsplit(block.proxy_url.get_secret_value())
        yield Credential(url.password or "")
        yield Credential(url.username or "", is_name=True)


_LONGEST_WORDS = 200  # characters
_FIRST_WORDS = ("reason", "title", "error", "errorcode")
_NEXT_WORDS = (
    *("message", "detail", "errordescription", "faultstring", "errormessage", "description", "text", "msg"),
    *("summary", "errorsummary", "value"),
)
_MARKUP = ("faultstring", "message", "errormessage", "description", "reason", "title", "h1")


def cut(words: str) -> str:
    """At most 200 characters."""
    return words if len(words) <= _LONGEST_WORDS else f"{words[: _LONGEST_WORDS - 1]}…"


def api_words(body: bytes, status: int) -> str:
    """What the body of a refusal says, in one line; "" if that is no more than the status.

    Reads TM Forum errors, RFC 9457, OAuth 2.0, SOAP and other objects, the title of a web page, and plain
    text. It may contain credentials.
    """
    text = body.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if text.startswith(("{", "[")):
        try:
            found = _of_json(msgspec.json.decode(text), status)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            found = text
    elif text.startswith("<"):
        found = _of_markup(text, status)
    else:
        found = text if "\ufffd" not in text[:1000] else ""
    words = errors.bare(" ".join(clean(found[:4000], 4000).split()))
    words = "".join(one if one.isprintable() else "\ufffd" for one in words)
    return words if _says_more(words, status) else ""


def _says_more(words: str, status: int) -> bool:
    letters = " ".join(re.findall(r"[^\W\d_]+", words)).lower()
    known = " ".join(re.findall("[a-z]+", error_mapping.phrase(status).lower()))
    return letters not in ("", "error", known, f"error {known}", f"http status {known}")


def _of_json(value: object, status: int, depth: int = 0) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return next(filter(None, (_of_json(one, status, depth + 1) for one in value[:5])), "")
    if not isinstance(value, dict) or depth > _DEEPEST:
        return ""
    found = {re.sub(r"[\s_-]", "", str(key)).lower(): member for key, member in value.items()}
    parts = []
    for names in (_FIRST_WORDS, _NEXT_WORDS):
        said = [found[name] for name in names if isinstance(found.get(name), str)]
        parts.extend([one for one in said if _says_more(one, status)][:1])
    if not parts:
        nested = ((key, member) for key, member in value.items() if isinstance(member, dict | list))
        said = [(key, _of_json(member, status, depth + 1)) for key, member in nested]
        parts = next(([key, words] if _is_field(key) else [words] for key, words in said if words), [])
    if not parts and not depth and any(isinstance(member, int | str) for member in value.values()):
        return msgspec.json.encode(value).decode()
    return ": ".join(dict.fromkeys(parts[1:] if len(parts) > 1 and parts[0] in parts[1] else parts))


_DEEPEST = 5  # levels


def _is_field(key: object) -> bool:
    """Whether an error is about a member of this name, such as a parameter, and not just in it."""
    return not re.search(
        r"error|fault|exception|status|response|result|data|detail|body|message", str(key), re.I
    )


def _of_markup(text: str, status: int) -> str:
    plain = re.sub(r"<(script|style).*?</\1>|<!--.*?-->", " ", text, flags=re.IGNORECASE | re.DOTALL)
    for tag in _MARKUP:
        for inner in re.findall(rf"<(?:[\w.-]+:)?{tag}\b[^>]*>(.*?)</", plain, re.IGNORECASE | re.DOTALL):
            words = html.unescape(error_mapping.TAG.sub(" ", inner))
            if _says_more(words, status):
                return words
    return html.unescape(error_mapping.TAG.sub(" ", plain))
