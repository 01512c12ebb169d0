"""What previews are made of: questions as Grafana would ask them, and a lock that works behind any mirror."""

import json
import re

from grafana.preview import asking
from tests.grafana import boards

SOURCE = asking.Source("http://127.0.0.1:9", 1000.0, 1600.0, 2.0)
LOCK = boards.ROOT / "grafana" / "preview" / "package-lock.json"


def test_variables_are_all_and_searches_are_empty() -> None:
    asked = asking.filled('x{job=~"$job",name=~"(?i).*(?:$carrier).*",party=~"$customer"}[$__range]', SOURCE)
    assert asked == 'x{job=~".*",name=~"(?i).*(?:).*",party=~".*"}[600s]'


def test_rates_are_made_over_several_scrapes() -> None:
    assert asking.filled("rate(x[$__rate_interval])", SOURCE) == "rate(x[30s])"
    slow = asking.Source("", 0.0, 600.0, 60.0)
    assert asking.filled("rate(x[$__rate_interval])", slow) == "rate(x[240s])"


def test_lines_have_a_bounded_number_of_points() -> None:
    assert SOURCE.step == 2.0
    assert asking.Source("", 0.0, 86400.0, 2.0).step == 288.0


def test_a_variable_with_values_of_its_own_is_its_first_value() -> None:
    assert asking.filled("topk($rows, x)", SOURCE) == "topk(500, x)"
    assert boards.variables(boards.boards()["ses-inventory-carriers"])["rows"]["current"]["value"] == "500"


def test_hidden_variables_are_the_values_of_a_label_that_a_query_finds() -> None:
    board = boards.boards()["ses-inventory-services"]
    assert [(name, label) for name, _, label in asking.id_queries(board)] == [
        ("shown", "service_id"),
        ("carriers", "related_service_id"),
    ]


def test_no_variable_is_left_in_any_query() -> None:
    for query in (*boards.queries(), *boards.id_queries(), *boards.annotations()):
        assert not re.search(r"\$[a-z_]", asking.filled(query.expr, SOURCE))


def test_the_lock_pins_every_package_by_hash_and_names_no_registry() -> None:
    packages = json.loads(LOCK.read_text(encoding="utf-8"))["packages"]
    assert len(packages) > 100
    for name, package in packages.items():
        assert "resolved" not in package, name
        assert not name or package["integrity"].startswith("sha512-"), name


def test_the_page_is_pinned_to_exact_versions() -> None:
    manifest = json.loads((LOCK.parent / "package.json").read_text(encoding="utf-8"))
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in manifest["dependencies"].values())
