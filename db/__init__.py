"""Models, sessions, the embedded server, and every SQL statement, by noun."""
