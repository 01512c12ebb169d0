"""Records that come twice: an API that doubles them, or a list that moved while it was read."""

from exporter.collections import crawl
from exporter.paging.pagination import ListResult

COMPLETE = ListResult(True, None, 40, 0, 0, 2, "", 40)
COUNTED = ListResult(True, 40, 40, 0, 0, 2, "", 44)
SHORT = ListResult(
    False, 44, 40, 0, 0, 2, "announced 44, received 40 different records", 44, is_short_only=True
)
UNREAD = ListResult(False, None, 30, 1, 10, 1, "1 page could not be read", 30)


def test_a_quiet_list_needs_no_second_look() -> None:
    assert not crawl.should_read_again([COMPLETE], set(), set())
    assert crawl.why_incomplete([COMPLETE], set(), set()) == ""


def test_new_doubles_without_a_total_are_looked_at_again_and_told() -> None:
    assert crawl.should_read_again([COMPLETE], {"CAR1"}, set())
    assert (
        crawl.why_incomplete([COMPLETE], {"CAR1"}, set())
        == "1 records came twice: the list moved while it was read"
    )


def test_doubles_that_always_come_are_the_apis_own() -> None:
    assert not crawl.should_read_again([COMPLETE], {"CAR1"}, {"CAR1", "CAR2"})
    assert crawl.why_incomplete([COMPLETE], {"CAR1"}, {"CAR1"}) == ""


def test_a_total_that_is_reached_by_different_records_settles_it() -> None:
    assert not crawl.should_read_again([COUNTED], {"CAR1"}, set())
    assert crawl.why_incomplete([COUNTED], {"CAR1"}, set()) == ""


def test_a_total_that_counts_steady_doubles_is_reached() -> None:
    assert crawl.should_read_again([SHORT], {"CAR1"}, set())
    assert crawl.why_incomplete([SHORT], {"CAR1"}, {"CAR1"}) == ""


def test_a_total_that_is_missed_by_as_much_as_ever_is_told_and_not_looked_at_again() -> None:
    usual = crawl.shortfalls([COMPLETE, SHORT])
    assert usual == (0, 4)
    assert not crawl.should_read_again([COMPLETE, SHORT], set(), set(), usual)
    assert crawl.should_read_again([COMPLETE, SHORT], set(), set(), (4, 0))
    assert crawl.should_read_again([SHORT], set(), set(), (3,))
    assert crawl.why_incomplete([SHORT], set(), set()) == SHORT.reason


def test_a_total_that_is_missed_otherwise_is_told() -> None:
    assert crawl.why_incomplete([SHORT], set(), set()) == SHORT.reason
    assert crawl.why_incomplete([SHORT], {"CAR1"}, {"CAR2"}) == SHORT.reason


def test_pages_that_cannot_be_read_are_not_asked_for_again_at_once() -> None:
    assert not crawl.should_read_again([UNREAD], {"CAR1"}, set())
    assert "could not be read" in crawl.why_incomplete([UNREAD], set(), set())


def test_rows_that_cannot_be_read_are_not_read_again_right_away() -> None:
    result = ListResult(False, 100, 99, 0, 1, 10, "row 17 cannot be read: 504")
    assert not crawl.should_read_again([result], set(), set())
