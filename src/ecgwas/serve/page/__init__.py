"""Template, style and scripts of the served page."""
