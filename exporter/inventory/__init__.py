"""Room 2, pure: what the bytes mean and what we hold of them."""
