"""What shared results would reveal about the participants."""
