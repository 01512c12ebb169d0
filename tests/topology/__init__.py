"""Tests of what follows from all records together."""
