"""Generators of documentation pages: `make docs` runs them. They are not part of the installed package."""
