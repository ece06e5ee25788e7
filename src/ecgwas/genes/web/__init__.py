"""How services are asked, and the files that others made."""
