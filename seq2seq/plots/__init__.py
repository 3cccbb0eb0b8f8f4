"""Pictures, with matplotlib (extra `plots`)."""
