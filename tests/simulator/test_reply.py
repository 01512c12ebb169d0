"""What faults make of an answer."""

from __future__ import annotations

import json

import pytest

from exporter.simulator import fault, reply

PAGE = reply.Reply(206, b'[{"id":1},{"id":2}]', headers={"X-Total-Count": "9"}, total_header="X-Total-Count")


def spoilt(text: str) -> reply.Reply:
    return reply.spoiled(fault.parse(text), PAGE)


@pytest.mark.parametrize("name", ["500", "502", "504", "429"])
def test_refusals_have_their_own_status(name: str) -> None:
    answer = spoilt(name)
    assert answer.status == int(name)
    assert "X-Total-Count" not in answer.headers
    assert json.loads(answer.body)["code"] == name


def test_throttling_carries_retry_after_and_others_on_request() -> None:
    assert spoilt("429").headers["Retry-After"] == "1"
    assert spoilt("429:retry_after=nonsense").headers["Retry-After"] == "nonsense"
    assert spoilt("500:retry_after=7").headers["Retry-After"] == "7"
    assert "Retry-After" not in spoilt("500").headers


def test_a_code_overrides_the_status() -> None:
    assert spoilt("html:code=503").status == 503


def test_empty_announces_nothing_where_all_is_empty_and_the_true_total_where_one_page_is() -> None:
    assert (spoilt("empty").body, spoilt("empty").headers["X-Total-Count"]) == (b"[]", "0")
    assert spoilt("empty:pages=2").headers["X-Total-Count"] == "9"
    bare = reply.spoiled(fault.parse("empty"), reply.Reply(200, b"[1]"))
    assert (bare.body, bare.headers) == (b"[]", {})


def test_maintenance_is_html_with_200() -> None:
    answer = spoilt("html")
    assert (answer.status, answer.content_type) == (200, reply.HTML)
    assert b"<html>" in answer.body


def test_a_truncated_page_is_half_of_it() -> None:
    body = spoilt("truncate").body
    assert PAGE.body.startswith(body)
    with pytest.raises(ValueError, match="delimiter"):
        json.loads(body)


def test_an_error_object_comes_with_200_and_an_envelope_holds_the_list() -> None:
    assert "message" in json.loads(spoilt("error-object").body)["error"]
    assert spoilt("error-object").status == 200
    assert json.loads(spoilt("envelope").body) == {"result": [{"id": 1}, {"id": 2}]}
