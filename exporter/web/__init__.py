"""Room 4: who may hear it. The only place that speaks HTTP inwards."""
