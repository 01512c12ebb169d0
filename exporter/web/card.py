"""One collection on the landing page: its state, figures, statuses, and whatever is not as it should be.

Owns the words and glyphs of the states and what a card shows when; `card.html` owns the order, and the style
sheet in `landing.html` the looks. What is nought or unknown is left out where it would only be noise.
Invariant: states differ by word and glyph, never by colour alone, and no text of the inventory is markup.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import resources
from string import Template
from typing import NamedTuple
from urllib.parse import quote

from exporter.collection_state import STALE_AFTER, State
from exporter.web import formatting
from exporter.web.status import CollectionStatus

SHOWN = 8
"""How many statuses, words, reasons and examples are listed before the rest is only counted."""


class Look(NamedTuple):
    """A state in a glyph, a word and a sentence, and its icon for the browser's tab: colour and outline."""

    glyph: str
    word: str
    means: str
    colour: str
    outline: str


_ROUND, _PEAK, _BLOCK = "M8 1a7 7 0 1 0 .01 0z", "M8 1l7.5 14h-15z", "M1 1h14v14h-14z"
_KEPT = "the last good snapshot is served."
LOOKS: Mapping[State, Look] = {
    "expired": Look(
        "⊘", "Expired", "Too old to be served: nothing of this collection is on /metrics.", "#d1242f", _BLOCK
    ),
    "failing": Look("✕", "Failing", f"The last refresh failed; {_KEPT}", "#d1242f", _BLOCK),
    "stale": Look("▲", "Stale", f"Older than three refresh intervals; {_KEPT}", "#bf8700", _PEAK),
    "incomplete": Look(
        "◐", "Incomplete", "Refreshed, but the last full crawl did not see everything.", "#bf8700", _PEAK
    ),
    "empty": Look("○", "Empty", "The last full crawl was complete and found no records.", "#bf8700", _PEAK),
    "waiting": Look("…", "Waiting", "The first crawl has not ended.", "#6e7781", _ROUND),
    "fresh": Look("✓", "Fresh", "Refreshed on time; the last full crawl was complete.", "#1a7f37", _ROUND),
}
"""Every state, the worst first."""

_CARD = Template(resources.files(__package__).joinpath("card.html").read_text(encoding="utf-8"))
_NONE_HELD = "Nothing is served yet: no crawl has succeeded."
_RESTORED = "Restored from the state file; no crawl has ended since the start."
_SUSPECT = (
    "to be confirmed: the last full crawl lacked more records than the shrink guard believes. They are still"
    " served; the next full crawls confirm the loss or end it."
)


def card(one: CollectionStatus, now: float) -> str:
    """The collection as an HTML `<article>`; `now` in Unix seconds is what its ages are counted from."""
    look = LOOKS[one.state]
    held = one.last_success is not None
    return _CARD.substitute(
        state=one.state,
        anchor=anchor(one.name),
        name=formatting.clean(one.name, 120),
        glyph=look.glyph,
        word=look.word,
        means=_means(one),
        advice=_advice(one, now),
        error=_error(one),
        held_back=_held_back(one),
        figures=_figures(one) if held else '<p class="soft">No records held yet.</p>',
        statuses="" if one.state == "expired" else _statuses(one.statuses),
        facts="\n".join(f"<dt>{term}</dt><dd>{said}</dd>" for term, said in _facts(one, now)),
        rejects=_rejects(one),
        api=_foreign(one.api, 60),
        dialect=_foreign(one.dialect, 60),
        interval=formatting.span(one.refresh_interval),
        url=_foreign(one.url, 500),
    )


def _means(one: CollectionStatus) -> str:
    if one.last_success is None and one.state != "waiting":
        return _NONE_HELD
    is_other = one.state in ("failing", "expired")  # which says more
    return _RESTORED if one.restored and not is_other else LOOKS[one.state].means


def _advice(one: CollectionStatus, now: float) -> str:
    """What to do about a collection of which nothing is served although it was crawled."""
    if one.state == "expired":
        said = _expired(one, now)
    elif one.state == "empty":
        said = _empty(one)
    else:
        return ""
    return f'<div class="held">{"".join(f"<p>{sentence}</p>" for sentence in said)}</div>'


def _expired(one: CollectionStatus, now: float) -> tuple[str, str]:
    when = "" if one.expires is None else f" {formatting.ago(one.expires, now - one.expires)}"
    since = f"The snapshot became older than <code>retention.max_staleness</code>{when}."
    if one.last_error:
        return since, "Remove the cause of the error below. The next successful refresh is served at once."
    if one.refreshing:
        return since, "A refresh is running. The collection is served as soon as it succeeds."
    return since, "No refresh has succeeded since. The next successful one is served at once."


def _empty(one: CollectionStatus) -> tuple[str, str]:
    of = f"collections.{_foreign(one.name, 120)}"
    if one.received:
        came = f"{formatting.counted(one.received, 'record')} came and none was stored."
        return (
            came,
            f"Check <code>{of}.include_types</code>, <code>{of}.exclude_types</code> and <code>shard</code>.",
        )
    check = (
        f"the <code>dialect</code> of <code>apis.{_foreign(one.api, 60)}</code> and <code>{of}.query</code>"
    )
    return (
        f"If there should be records, check {check}.",
        "<code>ses-inventory-exporter check</code> shows what the API answers.",
    )


def anchor(name: str) -> str:
    """The card's address inside the page, safe in an attribute."""
    return quote(name, safe="", errors="replace")


def _foreign(text: str, limit: int = 200) -> str:
    """Foreign text, whose direction of writing must not turn its surroundings."""
    return f"<bdi>{formatting.clean(text, limit)}</bdi>"


def _error(one: CollectionStatus) -> str:
    if not one.last_error:
        return ""
    reason = f" ({_foreign(one.last_error_reason, 40)})" if one.last_error_reason else ""
    said = formatting.clean(one.last_error, 2000)
    return f'<div class="error"><strong>Last error</strong>{reason}<pre dir="auto">{said}</pre></div>'


def _held_back(one: CollectionStatus) -> str:
    """Removals that wait to be confirmed, and how to confirm them; the page itself can order nothing."""
    if not one.held_back:
        return ""
    order = f"<code>POST /api/v1/accept?collection={anchor(one.name)}</code>"
    how = f"{order} (needs <code>web.enable_admin_api</code>), or send the exporter SIGUSR1"
    wait = "waits" if one.held_back == 1 else "wait"
    removals = formatting.counted(one.held_back, "removal")
    return (
        f'<div class="held"><p><strong>{removals}</strong> {wait} {_SUSPECT}</p>'
        f"<p>If they are really gone, accept it now: {how}.</p></div>"
    )


def _facts(one: CollectionStatus, now: float) -> Iterator[tuple[str, str]]:
    """What there is to know besides the figures, as pairs of term and description."""
    if one.last_success is None:
        yield "Refreshed", "never"
    else:
        # The owner's age is by a clock that does not jump; the moment is what the wall clock said.
        age = now - one.last_success if one.age_seconds is None else one.age_seconds
        said = formatting.ago(one.last_success, age)
        old = age > STALE_AFTER * one.refresh_interval
        yield "Refreshed", f'<span class="odd">{said}</span>' if old else said
        if one.restored:
            yield "Restored", _odd("from the state file", "and not crawled since")
    if one.last_full_success is not None:
        yield "Full crawl", formatting.ago(one.last_full_success, now - one.last_full_success)
    if one.up is False and one.last_attempt is not None:
        yield "Last attempt", formatting.ago(one.last_attempt, now - one.last_attempt)
    if one.refreshing:
        yield "Next", f"running now{f': {_foreign(one.progress)}' if one.progress else ''}"
    elif one.next_refresh is not None:
        yield "Next", formatting.ahead(one.next_refresh, now)
    yield from _doubts(one)
    if one.series:
        yield "Series", formatting.count(one.series)


def _doubts(one: CollectionStatus) -> Iterator[tuple[str, str]]:
    """The counts that are nought while all is well, each with what it means."""
    if one.received is not None and one.received != one.stored:
        yield "Received", _received(one)
    different = one.records if one.unique is None else one.unique
    if one.expected is not None and one.expected != different:
        yield "Expected", _odd(formatting.count(one.expected), "announced by the API")
    if one.unread:
        yield "Unread", _odd(formatting.count(one.unread), "behind pages that cannot be read")
    if one.bad_rows:
        yield "Bad rows", _odd(_foreign(one.bad_rows), "asked for again, ever less often")
    if one.retained:
        yield "Retained", _odd(formatting.count(one.retained), "held though not seen again")
    if one.duplicates:
        yield "Duplicates", _odd(formatting.count(one.duplicates), "came more than once")
    if one.unknown_statuses:
        listed = ", ".join(_foreign(word, 60) for word in one.unknown_statuses[:SHOWN])
        yield "Unknown words", _odd(f"{listed}{_more(len(one.unknown_statuses))}", "as status")


def _received(one: CollectionStatus) -> str:
    """What became of the records that the last full crawl received: a sum."""
    parts = (
        (one.stored, "stored"),
        (one.excluded, "excluded by type"),
        (one.other_shards, "of other shards"),
        (one.rejected, "rejected"),
        (one.duplicates, "duplicates"),
        (one.overlapping, "in several queries"),
    )
    said = " + ".join(f"{formatting.count(number)} {name}" for number, name in parts if number)
    return f'{formatting.count(one.received or 0)} <span class="soft">= {said}</span>'


def _odd(figure: str, means: str) -> str:
    return f'<span class="odd">{figure}</span> <span class="soft">{means}</span>'


def _more(number: int) -> str:
    return f" and {formatting.count(number - SHOWN)} more" if number > SHOWN else ""


def _figures(one: CollectionStatus) -> str:
    """The records as a number, a bar and its legend: operational, not operational, without a known meaning.

    Only for what was seen once: a 0 of something never crawled would say that the inventory is empty.
    """
    if one.state == "expired":
        expired = formatting.counted(one.records, "record")
        return f'<p class="records"><strong>0</strong> records served; {expired} in the expired snapshot</p>'
    unknown = max(one.records - one.operational - one.not_operational, 0)
    shares = [("good", "Operational", one.operational), ("bad", "Not operational", one.not_operational)]
    if unknown:
        shares.append(("rest", "Unknown", unknown))
    said = ", ".join(f"{number} {term.lower()}" for _, term, number in shares)
    drawn = tuple((name, number) for name, _, number in shares)
    legend = "".join(
        f'<div class="{name if number else "none"}"><dt>{term}</dt><dd>{formatting.count(number)}</dd></div>'
        for name, term, number in shares
    )
    return (
        f'<p class="records"><strong>{formatting.count(one.records)}</strong> records</p>'
        f'{_bar(drawn, said) if one.records else ""}<dl class="figures">{legend}</dl>'
    )


def _bar(shares: tuple[tuple[str, int], ...], said: str, whole: int = 0) -> str:
    """A bar of shares, each a class of the style sheet and a number, of a whole that is their sum if 0.

    SVG's own attributes carry the widths: the page's policy allows no style attributes.
    """
    whole = whole or sum(number for _, number in shares)
    place, drawn = 0.0, []
    for name, number in shares:
        # A few among many thousands must still be seen.
        width = max(100 * number / whole, 0.7) if number else 0.0
        drawn.append(f'<rect class="{name}" x="{place:.2f}" width="{width:.2f}" height="1"/>')
        place += width
    width = max(place, 100.0)
    attributes = f'viewBox="0 0 {width:.2f} 1" preserveAspectRatio="none" role="img" aria-label="{said}"'
    return f'<svg class="bar" {attributes}>{"".join(drawn)}</svg>'


def _statuses(statuses: Mapping[str, int]) -> str:
    """The most frequent statuses, each with its count and its share as a bar."""
    if not statuses:
        return ""
    ranked = sorted(statuses.items(), key=lambda item: (-item[1], item[0]))
    whole = max(sum(statuses.values()), 1)
    rows = [_status(word, number, whole) for word, number in ranked[:SHOWN]]
    left = len(ranked) - SHOWN
    if left > 0:
        rest = sum(number for _, number in ranked[SHOWN:])
        rows.append(_row(formatting.counted(left, "further word"), rest, whole))
    return f'<table class="words"><caption>By status</caption><tbody>{"".join(rows)}</tbody></table>'


def _status(word: str, number: int, whole: int) -> str:
    return _row(_foreign(word, 40) if word else '<span class="soft">(empty)</span>', number, whole)


def _row(label: str, number: int, whole: int) -> str:
    bar = _bar((("rest", number),), f"{100 * number / whole:.1f} %", whole)
    return f'<tr><th scope="row">{label}</th><td class="n">{formatting.count(number)}</td><td>{bar}</td></tr>'


def _rejects(one: CollectionStatus) -> str:
    """The rejected records, folded: how many, and by reason with examples."""
    total = sum(rejects.count for rejects in one.rejects.values())
    if not total:
        return ""
    items = []
    for reason, rejects in list(one.rejects.items())[:SHOWN]:
        listed = ", ".join(f"<code>{_foreign(text, 80)}</code>" for text in rejects.examples[:SHOWN])
        such = f": {listed}" if listed else ""
        items.append(f"<li>{_foreign(reason, 60)}, {formatting.count(rejects.count)}{such}</li>")
    items.extend(f"<li>{more}</li>" for more in (_more(len(one.rejects)),) if more)
    said = f"{formatting.counted(total, 'record')} rejected"
    return f"<details><summary>{said}</summary><ul>{''.join(items)}</ul></details>"
