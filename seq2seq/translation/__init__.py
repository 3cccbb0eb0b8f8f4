"""A translation model from end to end."""
