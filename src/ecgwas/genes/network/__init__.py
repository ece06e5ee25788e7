"""The network of the hit genes: its edges, its clusters, and whether it has more edges than expected."""
