"""Writes what is expected of every page anew; the diff is for a person to judge."""

from __future__ import annotations

from tests.inventory import pages

for page in pages.pages():
    pages.beside(page).write_text(pages.spelt(pages.read(page)))
