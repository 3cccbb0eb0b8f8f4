"""Parts of a translation model whose weights stay as they are while the rest learns."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from seq2seq.errors import SettingsError

PARTS: dict[str, tuple[str, ...]] = {
    "encoder": ("encoder.",),
    "decoder": ("decoder.",),
    "embedding": ("encoder.embedding.", "decoder.embedding."),
    "source-embedding": ("encoder.embedding.",),
    "target-embedding": ("decoder.embedding.",),
    "encoder-layers": ("encoder.stack.",),
    "decoder-layers": ("decoder.stack.",),
    "bridge": ("decoder.bridge.",),
    "attention": ("decoder.attention.",),
    "readout": ("decoder.readout.",),
    "lexical": ("decoder.lexical.",),
    "output": ("decoder.output.",),
}
"""What the names of each part's weights begin with."""


def freeze(model: nn.Module, parts: Sequence[str]) -> None:
    """Takes the gradients of some parts away, so that no optimizer and no clipping sees them.

    A weight that is tied is frozen with either of its parts: of a tied output layer, the bias alone
    is left where the target embedding is frozen.

    Args:
        model: a translation model.
        parts: names among `PARTS`.

    Raises:
        SettingsError: the model lacks a part, or nothing is left to learn.
    """
    for part in parts:
        named = model.named_parameters(remove_duplicate=False)
        weights = [weight for name, weight in named if name.startswith(PARTS[part])]
        if not weights:
            raise SettingsError(
                f"--training.freeze {part}: this model has no weights of that name, leave it out"
            )
        for weight in weights:
            weight.requires_grad_(False)
    if not any(weight.requires_grad for weight in model.parameters()):
        raise SettingsError(
            f"--training.freeze {' '.join(parts)} leaves nothing to learn: leave one of them out"
        )


def describe_frozen(model: nn.Module) -> str:
    """How many of a model's weights are frozen, in words; tied ones count once."""
    sizes = [(weight.numel(), weight.requires_grad) for weight in model.parameters()]
    frozen = sum(size for size, learns in sizes if not learns)
    return f"{frozen:,} of {sum(size for size, _ in sizes):,} weights are frozen"
