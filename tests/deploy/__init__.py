"""Tests of what is shipped to run the exporter, by the tools that read it."""
