"""Trained models of the user's own, of kind `encoder`: opened by the format of their file, never by unpickling."""
