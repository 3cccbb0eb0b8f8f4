"""Ids -> log-probabilities."""
