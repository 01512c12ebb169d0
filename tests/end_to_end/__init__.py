"""The installed exporter against the simulator, over sockets, and Prometheus against the exporter."""
