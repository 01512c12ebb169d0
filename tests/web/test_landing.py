"""The landing page: a status in, HTML out."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.status import CollectionStatus, Rejects
from exporter.web import landing

from .invented import NOW, collection, conditions, fresh, hostile, status, troubled, waiting

VOID = {"meta", "link", "br", "circle", "ellipse", "rect"}


class Reader(HTMLParser):
    """Collects a page's elements and text, and proves that it nests."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert not self._open
        self.text = re.sub(r"\s+", " ", " ".join(self.words))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend(attrs)
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.words.append(data)

    def values(self, name: str) -> list[str]:
        return [value or "" for key, value in self.attributes if key == name]


def read(*collections: CollectionStatus) -> Reader:
    return Reader(landing.page(status(collections)))


def test_the_page_says_what_it_is_and_which_version_runs() -> None:
    text = Reader(landing.page(status())).text
    for said in ("ses-inventory-exporter", "version 0.1.0", "Revision 89bdf1a", "Python 3.11.2", "TMF638"):
        assert said in text
    assert "up for 3 days 1 hour" in text
    assert "2026-11-18 11:06:40 UTC" in text


def test_a_revision_that_is_not_known_is_left_out() -> None:
    assert "Revision" not in Reader(landing.page(status(revision=""))).text


def test_all_well_is_said_in_one_line() -> None:
    reader = read(*fresh())
    assert "✓ All data is current" in reader.text
    assert "fresh: services , carriers , resources" in reader.text


def test_the_worst_state_leads_and_is_in_the_title_too() -> None:
    page = landing.page(status(troubled()))
    assert "<title>✕ 3 of 3 collections need a look" in page
    assert "failing: carriers · stale: resources · incomplete: services" in Reader(page).text


def test_one_collection_in_trouble_needs_a_look_in_the_singular() -> None:
    assert "1 of 2 collections needs a look" in read(fresh()[0], troubled()[1]).text


def test_a_first_start_is_waiting_and_shows_no_zeros() -> None:
    reader = Reader(landing.page(status(waiting()[:2], ready=False)))
    assert "… 2 of 2 collections not crawled yet" in reader.text
    assert "Not ready" in reader.text
    assert "No records stored yet." in reader.text
    assert "Operational" not in reader.text
    assert "running now: page 212" in reader.text.replace(" :", ":")


def test_f67_an_api_that_is_down_at_the_first_start_is_failing_and_serves_nothing() -> None:
    text = read(waiting()[2]).text
    assert "✕ Failing" in text
    assert "Nothing is served yet" in text
    assert "last good snapshot" not in text
    assert "refused the connection" in text


def test_no_collection_at_all_is_said() -> None:
    assert "No collection is enabled" in read().text


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ("fresh", "✓ Fresh"),
        ("expired", "⊘ Expired"),
        ("empty", "○ Empty"),
        ("stale", "▲ Stale"),
        ("failing", "✕ Failing"),
        ("waiting", "… Waiting"),
        ("incomplete", "◐ Incomplete"),
    ],
)
def test_every_state_has_a_word_and_a_glyph_beside_its_colour(state: str, word: str) -> None:
    reader = read(collection(state=state))
    assert word in reader.text
    assert f"card {state}" in reader.values("class")


def test_a_card_shows_records_operational_age_and_where_they_come_from() -> None:
    text = read(collection()).text
    for said in ("12,408 records", "Operational 12,011", "Maintenance 74", "Down 301", "Planned 22"):
        assert said in text
    for said in ("2 minutes 10 seconds ago", "31 minutes 40 seconds ago", "in 2 minutes 50 seconds"):
        assert said in text
    for said in ("tmf638", "dialect ses", "every 5 minutes", "https://inventory.example.net", "148,903"):
        assert said in text


def test_what_is_nought_while_all_is_well_is_left_out() -> None:
    text = read(collection()).text
    for unsaid in ("Expected", "Unread", "Retained", "Duplicates", "rejected", "Last error", "Last attempt"):
        assert unsaid not in text


def test_what_is_missing_from_a_crawl_is_said_with_its_numbers() -> None:
    text = read(troubled()[0]).text
    for said in (
        "42,160 announced",
        "40 on pages",
        "38 kept although",
        "2 received more",
        "Degrdaed , Sunset",
    ):
        assert said in text
    assert "4 records rejected missing_id , 3: " in text
    assert "SRV-1009" in text


def test_what_the_shrink_guard_holds_back_is_said_with_how_to_accept_it() -> None:
    text = read(collection(held_back=3120)).text
    for said in ("3,120 removals pending confirmation", "still served", "web.enable_admin_api", "SIGUSR1"):
        assert said in text
    assert "POST /api/v1/accept?collection=carriers" in text
    assert "1 removal pending confirmation" in read(collection(held_back=1)).text
    assert "confirmation" not in read(collection()).text


def test_a_collection_from_the_state_file_says_so_until_it_is_crawled() -> None:
    text = read(collection(restored=True)).text
    assert "Restored from the state file; no crawl has ended since the start." in text
    assert "Refreshed on time" not in text
    assert "Restored from the state file and not crawled since" in text
    failing = read(collection(restored=True, state="failing", up=False)).text
    assert "The last refresh failed" in failing
    assert "Restored from the state file and not crawled since" in failing


def test_an_expired_snapshot_is_said_to_serve_nothing_since_when_why_and_what_to_do() -> None:
    gone = {"state": "expired", "served": False, "expires": NOW - 7200, "age_seconds": 93_600.0}
    reader = read(collection(**gone, last_error="it answered 401"))
    for said in (
        "Too old to be served: nothing of this collection is on /metrics.",
        "The snapshot became older than retention.max_staleness 2 hours ago .",
        "Remove the cause of the error below.",
        "0 records served; 12,408 records in the expired snapshot",
    ):
        assert said in reader.text
    assert "last good snapshot is served" not in reader.text
    assert "By status" not in reader.text
    assert "1 of 1 collection needs a look" in reader.text
    assert "A refresh is running." in read(collection(**gone, refreshing=True)).text
    assert "No refresh has succeeded since." in read(collection(**gone)).text


def test_an_empty_collection_says_what_to_check() -> None:
    empty = {"state": "empty", "records": 0, "conditions": {}, "statuses": {}}
    text = read(collection(**empty, received=0)).text
    assert "The last full crawl was complete and found no records." in text
    assert "check the dialect of apis. tmf638 and collections. carriers .query" in text
    assert "ses-inventory-exporter check" in text
    excluded = read(collection(**empty, received=1554)).text
    assert "1,554 records received and none stored." in excluded
    assert "include_types" in excluded


def test_bad_rows_are_named() -> None:
    assert "Bad rows offset 1,200 to 1,239 asked for again" in read(troubled()[0]).text


def test_a_failure_shows_its_reason_and_message_and_when_it_is_tried_again() -> None:
    text = read(troubled()[1]).text
    assert "Last error ( auth ) https://inventory.example.net" in text
    assert "answered 401 Unauthorized" in text
    assert "What to do Check the username and password, or the credentials, of apis.tmf638." in text
    assert "Last attempt 20 seconds ago" in text
    assert "in 1 minute 4 seconds" in text


def test_an_error_without_a_reason_has_no_empty_brackets() -> None:
    text = read(collection(last_error="page 3 was lost")).text
    assert "Last error page 3 was lost" in text
    assert "What to do" not in text


def test_an_old_age_stands_out() -> None:
    assert '<span class="odd"><time' in landing.page(status((collection(age_seconds=901.0),)))
    assert '<span class="odd"><time' not in landing.page(status((collection(age_seconds=899.0),)))


def test_the_age_is_the_owners_even_when_the_wall_clock_jumped() -> None:
    assert "1 hour ago" in read(collection(age_seconds=3600.0, last_success=NOW + 50)).text
    assert "50 seconds ago" in read(collection(age_seconds=None, last_success=NOW - 50)).text


def test_a_bar_shows_few_among_many_and_an_empty_collection_has_none() -> None:
    some = collection(records=100_001, conditions=conditions(operational=100_000, down=1))
    page = landing.page(status((some,)))
    assert '<rect class="bad" x="100.00" width="0.70"' in page
    assert 'aria-label="100000 operational, 1 down"' in page
    none = collection(records=0, conditions=conditions(), statuses={})
    assert 'aria-label="0 operational' not in landing.page(status((none,)))


def test_a_condition_without_records_is_left_out_but_for_operational_and_down() -> None:
    text = read(collection(conditions=conditions(retired=5))).text
    assert "Operational 0 Down 0 Retired 5" in text
    assert "Degraded" not in text


def test_a_known_status_without_records_is_still_listed() -> None:
    assert "Ordered unknown 0" in read(collection(statuses={"Ordered": 0})).text


def test_many_statuses_are_cut_to_the_most_frequent_and_the_rest_is_counted() -> None:
    text = read(collection(statuses={f"S{number:02}": 100 - number for number in range(10)})).text
    assert "S07 unknown 93" in text
    assert "S08" not in text
    assert "2 further status values 183" in text


def test_a_status_value_is_drawn_as_what_it_means() -> None:
    statuses = {"Operational": 5, "Non-Operational": 2, "In Maintenance": 1, "On Order": 1, "Sunset": 1}
    page = landing.page(status((collection(statuses=statuses),)))
    for name, label in (
        ("good", "50.0 %, operational"),
        ("bad", "20.0 %, down"),
        ("calm", "10.0 %, maintenance"),
        ("rest", "10.0 %, planned"),
        ("rest", "10.0 %, unknown"),
    ):
        assert f'<th scope="row" class="{name}">' in page
        assert f'aria-label="{label}"><rect class="{name}"' in page


@pytest.mark.parametrize(
    ("hint", "shown"),
    [
        ("check the password", "Check the password."),
        ("apis.tmf638.url is wrong", "apis.tmf638.url is wrong."),
        ("wait (2 minutes)", "Wait (2 minutes)"),
        ("", ""),
    ],
)
def test_a_hint_is_a_sentence(hint: str, shown: str) -> None:
    assert landing.sentence(hint) == shown


def test_an_empty_status_has_a_name() -> None:
    assert "(empty) unknown 7" in read(collection(statuses={"": 7})).text


def test_many_reasons_of_rejection_are_cut() -> None:
    rejects = {f"reason_{number}": Rejects(1) for number in range(11)}
    text = read(collection(rejects=rejects)).text
    assert "11 records rejected" in text
    assert "reason_8" not in text
    assert "and 3 more" in text


def test_a_refresh_without_progress_is_running_and_one_not_planned_says_nothing() -> None:
    assert "Next refresh running now" in read(collection(refreshing=True)).text
    assert "Next" not in read(collection(next_refresh=None)).text


def test_the_links_lead_to_every_page_and_collection() -> None:
    targets = Reader(landing.page(status())).values("href")
    for target in ("metrics", "metrics?collect[]=carriers", "api/v1/status", "-/ready", "-/healthy"):
        assert target in targets
    assert "#carriers" in targets


@pytest.mark.parametrize("address", ["https://x.example/", "http://x.example/?a=b&c", "/graph"])
def test_a_link_of_the_status_is_shown(address: str) -> None:
    assert address in Reader(landing.page(status(links={"Runbooks": address}))).values("href")


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "http://[", "x", "//["])
def test_an_address_that_is_not_safe_to_click_is_no_link(address: str) -> None:
    assert address not in Reader(landing.page(status(links={"Runbooks": address}))).values("href")


def test_f47_hostile_text_adds_no_element_and_no_attribute() -> None:
    reader = read(*hostile())
    assert set(reader.tags).isdisjoint({"script", "img", "iframe", "form", "input", "object", "base"})
    assert not [name for name, _ in reader.attributes if name.startswith("on") or name == "style"]
    assert "<script>alert(1)</script>" in reader.text
    assert not re.search("[\x00\x1b\u202e\ud800]", reader.text)
    landing.page(status(hostile())).encode()


def test_a_long_error_is_cut() -> None:
    page = landing.page(status((collection(last_error="x" * 10_000),)))
    assert "x" * 1999 in page
    assert "x" * 2000 not in page


@given(st.text(alphabet=st.characters()), st.integers(), st.floats())
def test_any_status_makes_a_page_that_nests_and_can_be_sent(text: str, number: int, when: float) -> None:
    odd = collection(
        name=text,
        url=text,
        last_error=text,
        progress=text,
        refreshing=True,
        statuses={text: abs(number), "x": 1},
        unknown_statuses=(text,),
        rejects={text: Rejects(abs(number), (text,))},
        records=abs(number),
        last_success=when,
        age_seconds=when,
        refresh_interval=when,
    )
    page = landing.page(status((odd,), version=text, now=when, links={text: text}))
    page.encode()
    Reader(page)


def test_the_policy_allows_the_style_sheet_by_its_hash_and_nothing_else() -> None:
    page = landing.page(status())
    style = page.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in landing.POLICY
    for rule in ("default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"):
        assert rule in landing.POLICY


def test_the_page_asks_for_nothing_from_elsewhere() -> None:
    reader = read(*fresh())
    assert "script" not in reader.tags
    assert not reader.values("src")
    elsewhere = [urlsplit(target) for target in reader.values("href")]
    assert not [target for target in elsewhere if target.netloc or target.scheme not in ("", "data")]
