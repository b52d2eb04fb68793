"""PostgreSQL for local use: the server, and the guardian that stops it when its last user has gone."""
