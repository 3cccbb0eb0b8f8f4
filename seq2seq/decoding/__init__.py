"""Log-probabilities -> ids."""
