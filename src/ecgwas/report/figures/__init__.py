"""Tables in, pictures out: each function gives a Figure, or nothing where there is nothing to draw."""
