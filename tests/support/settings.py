"""Settings that tests share."""

from typing import Any

PLAIN_MODEL: dict[str, Any] = {
    "cell": "gru",
    "context": "both",
    "attention": "none",
    "lexical": False,  # where a test asks for attention, too
}
"""A translation model of GRU cells with a context vector and no attention."""
