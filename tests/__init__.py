"""The tests mirror the rooms of the house; their names are sentences."""
