"""The catalogue of faults: a test for each of its rows, which is also what docs/faults.md is made of."""
