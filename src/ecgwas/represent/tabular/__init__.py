"""Features made elsewhere: which columns of a user's table are features, and whose rows are used at which visit."""
