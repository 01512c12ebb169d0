"""Tests of room 3: what is said, and in which letters."""
