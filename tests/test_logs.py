"""Log lines: their two shapes, and that no secret passes."""

import io
import json
import sys

import pytest
import structlog

from exporter import logs


def test_a_line_is_logfmt_and_keeps_its_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "logfmt")
    url = "https://monitor:hunter2@inventory.example.net/x"
    structlog.get_logger().warning("lost", collection="carriers", url=url, password="hunter2", since=None)
    line = capsys.readouterr().err
    assert "event=lost" in line and "collection=carriers" in line and "level=warning" in line
    assert "url=https://***@inventory.example.net/x" in line
    assert "password=***" in line
    assert "hunter2" not in line


def test_a_line_is_json_where_that_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("debug", "json")
    structlog.get_logger().debug("retry", api="tmf638")
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["api"], line["level"]) == ("retry", "tmf638", "debug")


def test_less_severe_lines_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("warning", "logfmt")
    structlog.get_logger().info("listening")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_a_stream_that_is_closed_costs_the_line_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    logs.configure("info", form)
    structlog.get_logger().info("said to nobody")
