"""Benchmarks: figures and ratios of one run, medians of several; never a timed assertion in the tests."""
