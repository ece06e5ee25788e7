"""Gene sources: one file per kind, and what several kinds use."""
