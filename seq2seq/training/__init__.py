"""Log-probabilities -> weights."""
