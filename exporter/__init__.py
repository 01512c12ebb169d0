"""Prometheus exporter for TM Forum inventories."""

__version__ = "0.1.0"
