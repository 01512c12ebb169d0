"""Rules, alerts and the Alertmanager: what is told, to whom, and that missing data resolves nothing."""
