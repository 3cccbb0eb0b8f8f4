"""N-gram language models: counts, smoothing, ARPA files."""
