"""The tables, every SQL statement by noun, and how the database is reached (`db.engine`, `db.embedded.server`)."""
