"""Which pairs of a parallel text are dropped: one small class for each reason."""
