"""Tests of room 2: what the bytes mean, and what is held of them."""
