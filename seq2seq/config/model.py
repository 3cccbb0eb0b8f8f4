"""What can be set for a network: of a translation model, and what every model has."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Annotated, Literal

from seq2seq.config.fields import (
    OPEN_CHOICES,
    Fraction,
    LayerSizes,
    OpenChoice,
    PositiveInt,
    only_if,
)

CellName = Literal[
    "elman",
    "elman-relu",
    "elman-sigmoid",
    "jordan",
    "leaky",
    "echo-state",
    "gru",
    "lstm",
    "lstm-norm",
    "sru",
    "mingru",
]
UNWEIGHTED_CELLS: tuple[CellName, ...] = ("sru", "mingru")
"""Those that multiply their state with no weights: state and weight dropout would drop nothing."""
AttentionName = Literal[
    "none", "additive", "dot", "scaled-dot", "general", "scaled-general", "multi-head", "local"
]
OPEN_CHOICES[CellName] = OpenChoice("CELLS")
OPEN_CHOICES[AttentionName] = OpenChoice("ATTENTIONS")
HAS_SIZE = only_if("model.attention", "additive", "multi-head")


@dataclass(frozen=True)
class NetworkSettings:
    """What every network has: a translation model and a language model."""

    cell: CellName = "lstm"
    """The recurrent cell, the same throughout: Elman (1990), with tanh, rectified or sigmoid units,
    or leaky ones (Jaeger et al. 2007); Jordan (1986); a fixed reservoir (Jaeger 2001); Cho et al.
    (2014); Hochreiter & Schmidhuber (1997), or with layer normalization (Ba et al. 2016); and two
    that train in parallel over time: the simple recurrent unit (Lei et al. 2018) and the minimal
    GRU (Feng et al. 2024)."""
    embedding: Literal["learned", "one-hot"] = "learned"
    """A learned vector for each token, or its indicator vector: slow, and the same function."""
    embedding_size: PositiveInt = 256
    """Width of the embeddings and of the layer before the output layer."""
    residual: bool = False
    """Add a layer's input to its output where sizes allow."""
    dropout: Fraction = 0.3
    """Share of embeddings, of inputs between layers and of readout inputs dropped in training."""
    locked_dropout: Annotated[bool, only_if("dropout")] = False
    """Drop the same units at every step of a sentence (Gal & Ghahramani 2016)."""
    word_dropout: Fraction = 0.0
    """Share of words whose embedding is dropped throughout a sentence (Gal & Ghahramani 2016)."""
    state_dropout: Fraction = 0.0
    """Share of the recurrent state's units that a sentence's steps don't see (the same)."""
    weight_dropout: Fraction = 0.0
    """Share of the recurrent weights dropped for a batch (Merity et al. 2018)."""
    zoneout: Fraction = 0.0
    """Probability that a unit of the state keeps its value for a step (Krueger et al. 2017)."""
    tied_output: bool = True
    """Use the target embedding as the output layer's weights (Press & Wolf 2017)."""

    def __post_init__(self) -> None:
        """Takes a list, or one size alone, where there may be several."""
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(item.default, tuple) and isinstance(value, list | int):
                sizes = tuple(value) if isinstance(value, list) else (value,)
                object.__setattr__(self, item.name, sizes)

    def problems(self) -> Iterator[str]:
        """One line for each impossible setting."""
        if self.embedding == "one-hot" and self.tied_output:
            yield "--model.embedding one-hot has no weights to tie: add --model.no-tied-output"
        for name in ("state_dropout", "weight_dropout"):
            if self.cell in UNWEIGHTED_CELLS and getattr(self, name):
                yield (
                    f"--model.{name.replace('_', '-')} has no effect with --model.cell "
                    f"{self.cell}, which multiplies its state with no weights: leave it out"
                )


@dataclass(frozen=True)
class ModelSettings(NetworkSettings):
    """The network."""

    BEFORE = types.MappingProxyType({"lexical": False})
    """What a run has that was stored before there was such a setting."""

    context: Literal["initial", "every-step", "both"] = "initial"
    """How the encoder's final states reach the decoder: as its initial state, as an input at every
    step, or both."""
    context_to_output: bool = False
    """Show the context to the output layer, too (Cho et al. 2014)."""
    attention: AttentionName = "scaled-general"
    """What the decoder looks back at the source with: additive (Bahdanau et al. 2015); dot,
    general, local (Luong et al. 2015); multi-head (Vaswani et al. 2017); or none. Scaled scores
    (the same) don't harden before they have learned where to look. For dot the decoder must be as
    wide as the encoder's outputs, which in both directions are twice as wide as each."""
    attention_order: Annotated[Literal["luong", "bahdanau"], only_if("attention")] = "luong"
    """Attend with the decoder's new state, or with the previous one."""
    attention_size: Annotated[PositiveInt, HAS_SIZE] = 256
    """Width of additive attention's hidden layer, and of multi-head's heads together."""
    attention_heads: Annotated[PositiveInt, only_if("model.attention", "multi-head")] = 4
    """How many heads multi-head attention has."""
    attention_window: Annotated[PositiveInt, only_if("model.attention", "local")] = 10
    """Local attention sees so many source tokens to either side of the place it predicts."""
    input_feeding: Annotated[bool, only_if("attention")] = False
    """Show each step what the last one handed to the output layer (Luong et al. 2015)."""
    lexical: bool = True
    """Let the source words that attention is on propose the next token (Nguyen & Chiang 2018). Safe
    with scaled scores; without attention there is none."""
    coverage: Annotated[bool, only_if("attention")] = False
    """Tell attention how much each source token has been attended to (Tu et al. 2016)."""
    encoder_sizes: LayerSizes = (384,)
    """Width of each encoder layer, lowest first; in both directions, of each direction."""
    decoder_sizes: LayerSizes = (512,)
    """Width of each decoder layer, lowest first."""
    bidirectional: bool = True
    """Read the source in both directions."""
    shared_embedding: bool = False
    """One embedding for source and target; needs --data.joint."""
    initialize: str = ""
    """A translation model's run to go on from: with all its weights, its network, tokenizers and
    vocabularies. A setting that contradicts it is refused; in Python, one that has its default
    value counts as not given. Dropout and its relatives are not taken from it."""
    initialize_encoder: str = ""
    """A run whose weights the encoder begins with, and whose tokenizer and vocabulary the source
    side has: of a language model (Ramachandran et al. 2017), or a translation model's encoder."""
    initialize_decoder: str = ""
    """The same for the decoder and the target side."""
    source_vectors: str = ""
    """A file of word vectors as text (word2vec, fastText's .vec, GloVe; compressed too), which the
    embeddings of the source tokens that it has begin with."""
    target_vectors: str = ""
    """The same for the target tokens."""

    def __post_init__(self) -> None:
        """Lexical translation follows attention: without it there is none to ask for."""
        super().__post_init__()
        if self.attention == "none":
            object.__setattr__(self, "lexical", False)

    def problems(self) -> Iterator[str]:
        """One line for each impossible setting."""
        yield from super().problems()
        yield from self.attention_problems()
        if self.residual and not self.residual_layers():
            yield (
                "--model.residual has no effect: no layer of encoder or decoder has an output as "
                "wide as its input; add layers of equal width, as --model.encoder-sizes 256 256"
            )
        if self.embedding == "one-hot" and self.shared_embedding:
            yield "--model.embedding one-hot has no vectors: add --model.no-shared-embedding"
        if self.embedding == "one-hot" and self.lexical:
            yield "--model.embedding one-hot has no vectors: add --model.no-lexical"

    def attention_problems(self) -> Iterator[str]:
        """One line for each impossible setting of attention."""
        memory = (2 if self.bidirectional else 1) * (self.encoder_sizes or (0,))[-1]
        query = (self.decoder_sizes or (0,))[-1]
        if self.attention in ("dot", "scaled-dot") and memory != query:
            yield (
                f"--model.attention {self.attention} compares decoder states of {query} with "
                f"encoder outputs of {memory} numbers: make them equal, with --model.decoder-sizes "
                f"{' '.join(map(str, [*self.decoder_sizes[:-1], memory]))} or with other "
                "--model.encoder-sizes, or take --model.attention scaled-general"
            )
        if self.attention == "multi-head" and self.attention_size % max(self.attention_heads, 1):
            yield (
                f"--model.attention-size {self.attention_size} can't be divided among "
                f"--model.attention-heads {self.attention_heads}"
            )

    def notes(self) -> Iterator[str]:
        """One line for what is no mistake, but may surprise."""
        if self.lexical and self.attention in ("dot", "general"):
            yield (
                "lexical translation can make unscaled attention sink to the end of the sentence, "
                f"and stay there: --model.attention scaled-{self.attention} is safer"
            )

    def residual_layers(self) -> int:
        """How many layers have an output as wide as their input."""
        directions = 2 if self.bidirectional else 1
        encoder = [self.embedding_size, *(directions * size for size in self.encoder_sizes)]
        beside = 0 if self.context == "initial" else encoder[-1]
        beside += self.embedding_size if self.input_feeding else 0
        beside += encoder[-1] if self.attention_order == "bahdanau" else 0
        decoder = [self.embedding_size + beside, *self.decoder_sizes]
        first = 1 if self.embedding == "one-hot" else 0  # then the input's width is not known yet
        return sum(
            before == after
            for widths in (encoder, decoder)
            for before, after in pairwise(widths[first:])
        )
