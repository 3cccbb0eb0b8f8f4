"""A run on disk: files, tensors, checkpoint, lock, metadata, provenance."""
