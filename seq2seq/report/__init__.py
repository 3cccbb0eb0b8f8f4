"""A run -> one HTML file that tells of it."""
