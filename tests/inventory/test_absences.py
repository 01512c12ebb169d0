"""Where a missing record may have stood, as far as answers show it."""

from exporter.inventory.absences import GAP, PATIENCE, Absences, Answers, Crawl, vacant


def crawl(*answers: str) -> Crawl:
    """A finished crawl; each letter of an answer is an id."""
    return Crawl((Answers(tuple(list(answer) for answer in answers)),), is_finished=True, is_verified=True)


def test_a_new_record_does_not_show_the_place_of_a_missing_one_to_be_vacant() -> None:
    stored = set("abmde")
    found = Absences().after(crawl("abmde"), stored)
    # the list is a b n m d e, and m slips through between two answers, twice
    for _ in range(2):
        found = found.after(crawl("abn", "de"), stored)
        assert not found.noted["m"].is_vacant
        assert not found.removable()


def test_a_gap_is_vacant_whatever_came_into_it() -> None:
    stored = set("abmde")
    found = Absences().after(crawl("abmde"), stored)
    for _ in range(2):
        found = found.after(crawl("abnde"), stored)
    assert found.removable() == {"m"}


def test_a_place_is_not_vacant_where_something_that_is_no_record_stands_in_it() -> None:
    order, missing = "abmde", {"m"}
    assert vacant(order, Answers((["a", "b", "d", "e"],), has_end=True), missing) == missing
    assert vacant(order, Answers((["a", "b", GAP, "d", "e"],), has_end=True), missing) == set()
    assert vacant("mab", Answers(([GAP, "a", "b"],)), missing) == set()
    assert vacant("abm", Answers((["a", "b", GAP],), has_end=True), missing) == set()


def test_where_records_that_seemed_to_be_gone_come_back_the_others_are_kept() -> None:
    """Crawls of an empty list in another order than the known one, then a crawl that reads a part of it."""
    stored = set("abcd")
    found = Absences(orders=(list("xyz"),))
    for _ in range(PATIENCE):
        found = found.after(crawl(""), stored)
    assert found.removable() == stored
    part = Crawl((Answers((list("ab"),)),), is_finished=False, is_verified=False)
    found = found.after(part, stored)
    assert set(found.returned) == set("ab")
    assert not found.removable()


def test_a_place_is_vacant_only_if_nearly_all_between_its_neighbours_are_missing() -> None:
    order = "abcdefghijkl"
    # b to k are between a and l: of these ten all but three, or all but four, are missing
    assert vacant(order, Answers((list("al"),)), set("bcdefgh")) == set("bcdefgh")
    assert vacant(order, Answers((list("al"),)), set("bcdefg")) == set()


def test_a_place_in_the_middle_of_a_long_list_is_vacant_only_between_its_own_neighbours() -> None:
    order = "abcdefghijklmnopqrst"
    assert vacant(order, Answers((list("abcdefghijmnopqrst"),)), set("kl")) == set("kl")
    assert vacant(order, Answers((list("abcdefghst"),)), set("kl")) == set()
