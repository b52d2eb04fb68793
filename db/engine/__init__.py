"""How the database is reached: connections, pools, transactions, statements, errors, and the feed of changes."""
