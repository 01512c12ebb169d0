from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from exporter.inventory.form import Form

BLANK = Form(frozenset({"place"}), frozenset({"characteristic"}))


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


def _taught(*items: dict[str, Any]) -> Form:
    form = BLANK
    for item in items:
        form = form.learned(item)
    return form


def _values(form: Form, item: object) -> dict[str, Any]:
    return dict(zip(form.names, form.values(_raw(item)), strict=True))


def test_a_record_of_known_keys_is_given_by_folded_key() -> None:
    form = _taught({"Id": "S1", "start-date": 7})
    assert _values(form, {"start-date": [1], "Id": "S2"}) == {"id": "S2", "startdate": [1]}
    assert _values(form, {"Id": None}) == {"id": None, "startdate": None}


@pytest.mark.parametrize("other", [{"id": "S1", "new": 1}, {"ID": "S1"}, [], "S1", None])
def test_a_record_of_another_form_is_refused(other: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        _taught({"id": "S1"}).values(_raw(other))


def test_of_a_key_that_comes_twice_the_last_counts_as_in_any_json() -> None:
    assert _taught({"id": "S1"}).values(msgspec.Raw(b'{"id":"S1","id":"S2"}')) == ("S2",)


def test_a_form_that_learns_is_another_one_and_one_that_does_not_is_the_same() -> None:
    form = _taught({"id": "S1"})
    assert form.learned({"id": 7}) is form
    wider = form.learned({"name": "one"})
    assert (form.names, wider.names) == (("id",), ("id", "name"))
    assert wider.learned({"NAME": "a second spelling"}) is wider


def test_items_of_a_list_of_links_become_equal_things_where_they_are_equal() -> None:
    form = _taught({"place": [{"id": "L1", "role": "site"}, {"place": {"id": "L2"}}]})
    item = {"place": {"id": "L2"}, "role": None}
    one, two, three = _values(form, {"place": [item, dict(item), {"id": "L1"}]})["place"]
    assert one == two != three
    assert hash(one) == hash(two)


def test_one_link_instead_of_a_list_is_of_the_form() -> None:
    form = _taught({"place": [{"id": "L1"}]})
    assert (
        _values(form, {"place": {"id": "L1"}})["place"]
        == _values(form, {"place": [{"id": "L1"}]})["place"][0]
    )
    assert _values(form, {"place": None})["place"] is None


@pytest.mark.parametrize(
    "odd",
    [
        "L1",
        ["L1"],
        [{"id": 7}],
        [{"id": "L1", "ID": "L2"}],
        [{"id": ["L1"]}],
        [{"id": "L1", 'a "key"': "x"}],
        [{"place": {"place": {"place": "L1"}}}],
        [{f"key{number}": "x" for number in range(41)}],
    ],
)
def test_lists_of_other_things_than_flat_or_wrapped_links_are_left_as_they_are(odd: object) -> None:
    form = _taught({"place": [{"id": "L1"}]}, {"place": odd})
    assert _values(form, {"place": odd})["place"] == odd
    assert form.learned({"place": [{"id": "L1", "never": "seen"}]}) is form


def test_what_was_a_text_and_is_an_object_is_left_as_it_is() -> None:
    form = _taught({"place": [{"place": "L1"}]})
    for item in ({"place": {"id": "L1"}}, {"place": "L1"}):
        assert _values(form.learned({"place": [{"place": {"id": "L1"}}]}), {"place": [item]})["place"] == [
            item
        ]


def test_characteristics_of_another_shape_are_left_as_they_are() -> None:
    usual = {"characteristic": [{"name": "rate", "value": {"any": ["thing"]}, "valueType": "number"}]}
    form = _taught(usual)
    (found,) = _values(form, usual)["characteristic"]
    assert (found.name, found.value) == ("rate", {"any": ["thing"]})
    odd = {"characteristic": [{"name": "rate", "of nobody": 1}]}
    assert _values(form.learned(odd), odd) == odd


def test_keys_that_never_recur_do_not_pile_up() -> None:
    form = _taught(*({f"key {number}": 1} for number in range(300)))
    assert len(form.names) == 200


@pytest.mark.parametrize("key", ['a "quoted" one', "back\\slash", "new\nline", "x" * 100])
def test_a_key_that_msgspec_cannot_expect_is_not_learned(key: str) -> None:
    assert _taught({key: 1}).names == ()
