"""How an API is understood, for a person: what `ses-inventory-exporter check` prints."""
