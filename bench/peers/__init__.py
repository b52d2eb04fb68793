"""Servers that do the same work in other ways, to be measured beside ours."""
