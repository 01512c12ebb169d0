"""Room 3, pure: what we say, and in which letters."""
