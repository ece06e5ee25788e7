"""The page of a comparison in Chromium."""
