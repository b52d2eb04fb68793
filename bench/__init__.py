"""Runs that measure the house or try to break it. They take minutes, so they are no tests."""
