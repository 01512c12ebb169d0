"""Collections: when each is read, how, what is known of it, and what is served of it."""
