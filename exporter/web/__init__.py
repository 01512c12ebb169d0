"""The HTTP server: /metrics, landing page, status, admin requests, and who may connect."""
