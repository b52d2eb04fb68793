"""A token becomes a caller."""
