"""A language model from end to end."""
