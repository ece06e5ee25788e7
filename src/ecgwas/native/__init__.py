"""The one compiled piece, and the numbers that it shares with Python."""
