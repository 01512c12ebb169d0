"""Room 1: how bytes are got. The only place that speaks HTTP outwards."""
