"""All kinds of attention, by the names that settings use."""

from __future__ import annotations

from collections.abc import Callable

from seq2seq.config.fields import OPEN_CHOICES
from seq2seq.config.model import AttentionName, ModelSettings
from seq2seq.models.attention.base import Attention
from seq2seq.models.attention.local import LocalAttention
from seq2seq.models.attention.multi_head import MultiHeadAttention
from seq2seq.models.attention.scores import AdditiveAttention, DotAttention, GeneralAttention

ATTENTIONS: dict[str, Callable[[ModelSettings, int, int], Attention]] = {
    "additive": lambda settings, query_size, memory_size: AdditiveAttention(
        query_size, memory_size, settings.attention_size, coverage=settings.coverage
    ),
    "dot": lambda settings, query_size, memory_size: DotAttention(
        query_size, memory_size, coverage=settings.coverage
    ),
    "scaled-dot": lambda settings, query_size, memory_size: DotAttention(
        query_size, memory_size, coverage=settings.coverage, scaled=True
    ),
    "general": lambda settings, query_size, memory_size: GeneralAttention(
        query_size, memory_size, coverage=settings.coverage
    ),
    "scaled-general": lambda settings, query_size, memory_size: GeneralAttention(
        query_size, memory_size, coverage=settings.coverage, scaled=True
    ),
    "multi-head": lambda settings, query_size, memory_size: MultiHeadAttention(
        query_size,
        memory_size,
        settings.attention_size,
        settings.attention_heads,
        coverage=settings.coverage,
    ),
    "local": lambda settings, query_size, memory_size: LocalAttention(
        query_size, memory_size, settings.attention_window, coverage=settings.coverage
    ),
}
"""Builds each kind of attention from the settings, the width of a query and that of an encoder
output. The keys are the names in `ModelSettings.attention`, without "none"; a script may add one
of its own, before it makes settings that name it."""
OPEN_CHOICES[AttentionName].table = ATTENTIONS


def build_attention(settings: ModelSettings, query_size: int, memory_size: int) -> Attention | None:
    """Builds the attention that the settings name; None for "none"."""
    if settings.attention == "none":
        return None
    return ATTENTIONS[settings.attention](settings, query_size, memory_size)
