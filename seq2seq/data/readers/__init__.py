"""Files and datasets -> lines and pairs."""
