"""Everything that can be set: typed, documented, checked."""
