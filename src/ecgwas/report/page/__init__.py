"""The page: contents in, one self-contained HTML text out."""
