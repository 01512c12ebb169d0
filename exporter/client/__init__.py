"""HTTP requests to the APIs of inventories; the only package that sends any."""
