"""Stores on the local disk."""
