"""How services are queried, and how reference files are read."""
