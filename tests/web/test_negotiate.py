"""Accept and Accept-Encoding, as strangers write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.web.scrape import negotiated_encoding, negotiated_form

OM = "application/openmetrics-text"
PROMETHEUS_2_26 = f"{OM}; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
PROMETHEUS_2_42 = f"{OM};version=1.0.0,{OM};version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
PROMETHEUS_3 = (
    f"{OM};version=1.0.0;escaping=allow-utf-8;q=0.6,{OM};version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_3_PROTOBUF = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,"
    f"{PROMETHEUS_3}"
)
PROMETHEUS_3_TEXT = (
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize("accept", [PROMETHEUS_2_26, PROMETHEUS_2_42, PROMETHEUS_3, PROMETHEUS_3_PROTOBUF])
def test_every_prometheus_that_speaks_openmetrics_gets_it(accept: str) -> None:
    assert negotiated_form(accept) == "openmetrics"


@pytest.mark.parametrize("accept", [None, "", "*/*", "text/plain", "text/*", "application/*,text/*", BROWSER])
def test_everyone_else_gets_text(accept: str | None) -> None:
    assert negotiated_form(accept) == "text"


@pytest.mark.parametrize(
    "accept",
    [
        PROMETHEUS_3_TEXT,
        f"{OM};q=0.4,text/plain;q=0.5",
        f"{OM};q=0,*/*",
        f"{OM};version=2.0.0,text/plain;q=0.1",
        f"{OM},text/plain",
        "application/*;q=0.5,text/plain;q=0.6",
        "application/openmetrics-textile",
        "application/openmetrics-text/x",
    ],
)
def test_text_is_sent_where_it_weighs_more_or_as_much(accept: str) -> None:
    assert negotiated_form(accept) == "text"


@pytest.mark.parametrize(
    "accept",
    [
        OM,
        OM.upper(),
        f'{OM} ; version="1.0.0" ; charset=utf-8',
        f"{OM};q=0.5,text/plain;q=0.4",
        f"text/plain;q=0,{OM};q=0.001",
        f"{OM};version=1.0.0,*/*",
        "application/*,text/plain;q=0.5",
        f"*/*;q=1,text/plain;q=0.2,{OM};q=0.3",
        f",,{OM},",
    ],
)
def test_openmetrics_is_sent_where_it_weighs_more_or_is_named_more_exactly(accept: str) -> None:
    assert negotiated_form(accept) == "openmetrics"


@pytest.mark.parametrize("accept", ["application/json", "text/plain;version=9", "*/*;q=0", ";;;", "text"])
def test_an_accept_that_allows_neither_form_gets_text(accept: str) -> None:
    assert negotiated_form(accept) == "text"


@pytest.mark.parametrize("weight", ["2", "nan", "-1", "1e9", "0.12345", "half", ""])
def test_a_weight_that_is_none_counts_as_not_given(weight: str) -> None:
    assert negotiated_form(f"{OM};q={weight},text/plain;q=0.9") == "openmetrics"


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        (None, "identity"),
        ("", "identity"),
        ("gzip", "gzip"),
        ("GZIP ; q=1.0", "gzip"),
        ("x-gzip", "gzip"),
        ("gzip, deflate, br, zstd", "gzip"),
        ("*", "gzip"),
        ("deflate, *;q=0.3", "gzip"),
        ("br", "identity"),
        ("identity", "identity"),
        ("gzip;q=0", "identity"),
        ("gzip;q=0, *", "identity"),
        ("gzip;q=0.5, identity", "identity"),
        ("gzip;q=0.5, identity;q=0.5", "gzip"),
        ("gzip;q=0.001", "gzip"),
        ("*;q=0, gzip", "gzip"),
        ("identity;q=0, gzip", "gzip"),
        ("identity;q=0, *", "gzip"),
        ("*;q=0, identity", "identity"),
        ("identity;q=0", None),
        ("identity;q=0, br", None),
        ("identity;q=0, gzip;q=0", None),
        ("gzip;q=0, *;q=0", None),
        ("*;q=0", None),
        ("*;q=0.0", None),
    ],
)
def test_f73_encodings_are_weighed_as_rfc_9110_says(header: str | None, chosen: str | None) -> None:
    assert negotiated_encoding(header) == chosen


PIECES = st.sampled_from(
    ["gzip", "identity", "*", "*/*", "text/plain", OM, ";q=", "0", "1", ",", ";", "=", '"']
)


@given(st.one_of(st.text(), st.lists(PIECES).map("".join)))
def test_no_header_at_all_raises(header: str) -> None:
    assert negotiated_form(header) in ("text", "openmetrics")
    assert negotiated_encoding(header) in ("gzip", "identity", None)


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_of_two_forms_the_heavier_wins(text: int, openmetrics: int) -> None:
    accept = f"text/plain;q={text / 1000:.3f},{OM};q={openmetrics / 1000:.3f}"
    assert (negotiated_form(accept) == "openmetrics") == (openmetrics > text)
