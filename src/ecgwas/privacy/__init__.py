"""What results that are passed on would tell of the people in them."""
