"""Serves a Strawberry schema: HTTP, events, WebSockets, limits on documents, and execution a field at a time."""
