"""What exists in a database, and how its tables hang together."""
