"""Writes the answers of an API as files that can be handed on: names, addresses and ids are replaced.

The same text is replaced by the same text in all files, so that references, next pages and duplicates stay
what they are; words for types and states, dates and numbers stay as they are. `simulate --replay` serves the
files again. Pure but for `save`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
import yaml

from exporter import errors, settings
from exporter.check.sample import Answer
from exporter.inventory import dates, field_paths, text
from exporter.paging import fetch

REPLAYED = "http://127.0.0.1:10680"
"""Where `simulate --replay` listens by default."""

URL = "{url}"
"""Stands for the URL of the API."""

_HEADERS = (
    *("content-type", "content-range", "link", "x-total-count", "x-result-count", "retry-after"),
    *("accept-ranges", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"),
)
"""Headers that are saved, and those that the paging settings name."""

_KEPT = re.compile(
    r"(?:type|state|status|category|role|unit|units|mode|version|class|stage|schemalocation|lifecycle)$|^rel$"
)
"""Folded keys of words that the API defines."""

_IDS = re.compile(r"(?:^|[^a-z])id$|^(?:uuid|href|externalid|serialnumber|phone|fax|postcode|zip)$|id$")
_DESCRIBED = re.compile(r"characteristic|attribute|propert|parameter|feature")
"""Folded keys of objects with a name and a value, of which the name says what the value is."""

_PLACES = re.compile(r"^(?:lat|lon|lng|latitude|longitude|altitude|x|y|coordinates)$")
_NUMBER = re.compile(r"[-+]?\d{1,9}(?:[.,]\d{1,9})?(?: ?[A-Za-z%/]{1,5})?")
_WORDS = frozenset({"true", "false", "yes", "no", "null", "none", "n/a", "unknown", ""})
_TOKEN = re.compile(r"[^/?&=#:.,;@\s<>\"]+")
_LOWER, _UPPER, _DIGITS = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"


class Pseudonyms:
    """Replaces texts by others of the same shape; `kept` are words that stay."""

    def __init__(self, kept: Iterable[str] = ()) -> None:
        self._kept = {text.fold(word) for word in kept} | _WORDS
        self._key = os.urandom(16)
        self._known: dict[str, str] = {}
        self._taken: set[str] = set()

    def of(self, value: str) -> str:
        """The text that stands for this one: letters for letters, digits for digits, and no other's."""
        if text.fold(value) in self._kept:
            return value
        attempt = 0
        while value not in self._known:
            shaped = self._shaped(value, attempt)
            # short texts run out of others of their shape
            candidate = shaped if attempt < 50 else f"{shaped}{attempt}"
            if candidate not in self._taken:
                self._taken.add(candidate)
                self._known[value] = candidate
            attempt += 1
        return self._known[value]

    def _shaped(self, value: str, attempt: int) -> str:
        seed = hashlib.blake2b(f"{attempt}:{value}".encode(), key=self._key, digest_size=64).digest()
        return "".join(
            _replaced(character, seed[index % 64] + index // 64) for index, character in enumerate(value)
        )

    def of_words(self, written: str) -> str:
        """A sentence or a URL, word by word; numbers and words that stay are not replaced."""
        return _TOKEN.sub(lambda found: found[0] if _is_plain(found[0]) else self.of(found[0]), written)

    def known_words(self, written: str) -> str:
        """A sentence of the API, with only those words replaced that were replaced elsewhere."""
        return _TOKEN.sub(lambda found: self._known.get(found[0], found[0]), written)


def _replaced(character: str, number: int) -> str:
    for alphabet in (_LOWER, _UPPER, _DIGITS):
        if character in alphabet:
            return alphabet[number % len(alphabet)]
    return character if character.isascii() else _LOWER[number % 26]


def _is_plain(word: str) -> bool:
    return bool(_NUMBER.fullmatch(word)) or word in ("http", "https", URL)


class AnswerRedaction:
    """Redacts the answers of one API.

    `url` is the API's, `words` are those of its settings, and `ids` the keys of ids that the settings name.
    """

    def __init__(self, url: str, words: Iterable[str], ids: Iterable[str], pseudonyms: Pseudonyms) -> None:
        self._url, self._words, self._pseudonyms = url, frozenset(words), pseudonyms
        self._ids = frozenset(map(text.fold, ids))

    def value(self, value: Any, key: str = "") -> Any:
        """A JSON value of a member `key`."""
        folded = text.fold(key)
        if isinstance(value, dict):
            if _DESCRIBED.search(folded) and isinstance(value.get("name"), str) and "value" in value:
                name, rest = value["name"], {one: value[one] for one in value if one not in ("name", "value")}
                return {"name": name, "value": self.value(value["value"], name), **self.value(rest)}
            return {name: self.value(member, name) for name, member in value.items()}
        if isinstance(value, list):
            return [self.value(one, key) for one in value]
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int | float):
            return self._number(value, folded)
        return self._text(value, folded)

    def _number(self, value: int | float, folded: str) -> int | float:
        if _PLACES.search(folded):
            return 0
        if isinstance(value, int) and self._is_id(folded):
            return int(self._pseudonyms.of(f"1{abs(value)}").lstrip("0") or "1")
        return value

    def _text(self, value: str, folded: str) -> str:
        if "://" in value or value.startswith("/") or folded == "href":
            return self.url(value)
        if self._is_id(folded):
            return self._pseudonyms.of(value)
        return value if _KEPT.search(folded) else self.parameter(value)

    def _is_id(self, folded: str) -> bool:
        return folded in self._ids or _IDS.search(folded) is not None

    def url(self, written: str) -> str:
        """A URL: the API's own is `{url}`, and names of parameters stay."""
        before, is_own, rest = written.partition(self._url)
        if is_own and not before:
            return f"{URL}{self._path(rest)}"
        return self._path(written)

    def _path(self, written: str) -> str:
        path, question, query = written.partition("?")
        own = urlsplit(self._url).path.strip("/").split("/")
        steps = [
            step if step in own or step in self._words else self._pseudonyms.of_words(step)
            for step in path.split("/")
        ]
        pairs = [(name, self.parameter(value)) for name, value in parse_qsl(query, keep_blank_values=True)]
        return f"{'/'.join(steps)}{question}{urlencode(pairs, safe=':,*')}"

    def parameter(self, value: str) -> str:
        """The value of a parameter: numbers, dates and those that the settings name stay."""
        is_date = not value.isdigit() and dates.moment(value) is not None
        if value in self._words or _NUMBER.fullmatch(value) or is_date:
            return value
        return self._pseudonyms.of(value)

    def header(self, name: str, value: str) -> str:
        """A header; a link within it as a URL."""
        if name.lower() == "link":
            return re.sub(r"<([^<>]*)>", lambda found: f"<{self.url(found[1])}>", value)
        if name.lower() in _HEADERS:
            return value
        return self.parameter(value) if "://" not in value else self.url(value)

    def answer(self, answer: Answer) -> dict[str, Any] | None:
        """An answer as it is saved; None for one that cannot be, for it is of another URL or no JSON."""
        if not answer.url.startswith(self._url):
            return None
        request = {
            "path": self._path(answer.url.removeprefix(self._url).partition("?")[0]),
            "params": [
                [name, self.parameter(value)]
                for name, value in answer.params or parse_qsl(urlsplit(answer.url).query)
            ],
            "headers": {name: value for name, value in answer.headers.items() if name.lower() == "range"},
        }
        response = self._response(answer)
        return {"request": request, "response": response} if response else None

    def _response(self, answer: Answer) -> dict[str, Any] | None:
        if answer.page is None:
            status = getattr(answer.error, "status", 0)
            words = self._pseudonyms.known_words(str(answer.error).partition(": ")[2])
            return {"status": status, "body": {"code": str(status), "reason": words}} if status else None
        try:
            body = json.loads(answer.page.body.removeprefix(b"\xef\xbb\xbf"))
        except ValueError:
            return None
        headers = {
            name.title(): self.header(name, value)
            for name, value in answer.page.headers.items()
            if name.lower() in _HEADERS
        }
        return {"status": answer.page.status, "headers": headers, "body": self.value(body)}


def redacted(
    targets: Sequence[settings.Target], answers: Mapping[str, Sequence[Answer]]
) -> list[tuple[str, dict[str, Any]]]:
    """The answers as they are saved, each with the API's name; those to the same request once."""
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    kept = [word for target in targets for word in _words(target)]
    ids = [field_paths.steps(path)[-1] for target in targets for path in target.mapping.fields.id]
    pseudonyms = Pseudonyms(kept)
    for target in targets:
        redaction = AnswerRedaction(target.http.url, kept, ids, pseudonyms)
        for answer in answers.get(target.api, ()):
            saved = redaction.answer(answer)
            if saved is not None:
                found.setdefault(json.dumps([target.api, saved["request"]]), (target.api, saved))
    return list(found.values())


def _words(target: settings.Target) -> Iterable[str]:
    """What the settings name, and what `check` requests, which has to stay for them to fit."""
    yield from (fetch.NO_SUCH_WORD, fetch.NO_SUCH_NUMBER)
    paging = msgspec.structs.asdict(target.paging)
    yield from (str(value) for value in paging.values())
    for query in (*target.queries, target.delta):
        yield from query.values()
    yield from target.mapping.path.split("/")
    yield from (*target.include_types, *target.exclude_types, *target.mapping.statuses)


def configuration(config: settings.Settings, targets: Sequence[settings.Target]) -> str:
    """The settings of the collections, without credentials, for what `simulate --replay` serves."""
    keys = ("path", "page_size", "fields", "statuses", "date_format", "include_types", "exclude_types", "api")
    collections: dict[str, Any] = {}
    for target in targets:
        written = config.collections and getattr(config.collections, target.collection)
        block: dict[str, Any] = {"query": [dict(query) for query in target.queries]}
        if written:
            block |= written.model_dump(mode="json", include=set(keys), exclude_unset=True)
            if written.paging:
                block["paging"] = written.paging.model_dump(mode="json", exclude_unset=True)
        collections[target.collection] = block
    apis = {one.api: {"url": f"{REPLAYED}/{one.api}", "dialect": one.dialect.name} for one in targets}
    return yaml.safe_dump({"apis": apis, "collections": collections}, sort_keys=False, allow_unicode=True)


def save(
    folder: Path,
    config: settings.Settings,
    targets: Sequence[settings.Target],
    answers: Mapping[str, Sequence[Answer]],
) -> int:
    """Writes the answers into a folder, and settings for them; returns how many. Raises `ConfigError`."""
    found = redacted(targets, answers)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, (api, saved) in enumerate(found, 1):
            content = json.dumps({"api": api, **saved}, indent=1, ensure_ascii=False)
            (folder / f"{number:03}-{api}.json").write_text(f"{content}\n", encoding="utf-8")
        (folder / "inventory.yaml").write_text(configuration(config, targets), encoding="utf-8")
    except OSError as error:
        what = f"cannot be written: {error.strerror or error}"
        raise errors.ConfigError(what, file=str(folder), hint="name a folder that can be written") from error
    return len(found)
