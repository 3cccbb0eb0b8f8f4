"""The decoder: context -> a distribution over the next target token, step by step or all at once.

The context reaches the decoder as its initial state (Sutskever et al. 2014), as a further input at
every step, or both ways (Cho et al. 2014). ``step`` and ``sequence`` compute the same function.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from seq2seq.models.encoder import Embedding, Encoded
from seq2seq.models.recurrent import RecurrentStack, StackState

ContextMode = Literal["initial", "every-step", "both"]


class DecoderState(NamedTuple):
    """What the decoder carries from step to step.

    Attributes:
        recurrent: the state of its layers.
        context: the vector that is fed at every step, ``(batch_size, context_size)``; None if the
            context is the initial state alone.
    """

    recurrent: StackState
    context: Tensor | None

    def select(self, rows: Tensor) -> DecoderState:
        """The state of the given rows ``(new_batch_size,)``, in that order, repeats allowed."""
        context = None if self.context is None else self.context.index_select(0, rows)
        return DecoderState(self.recurrent.select(rows), context)


class Bridge(nn.Module):
    """The encoder's final states -> the decoder's initial ones, where numbers or sizes differ.

    The top decoder layer starts from the top encoder layer, the next from the next, and so on; what
    the encoder has too few layers for starts from its lowest. A state that has the right size
    already is handed over as it is. Else it goes through a
    linear map, followed by tanh for hidden states (Cho et al. 2014, appendix A.1.2); the memory
    cell of an LSTM is not bounded by 1, and gets no tanh.
    """

    def __init__(
        self, source_sizes: Sequence[int], target_sizes: Sequence[int], parts: int
    ) -> None:
        super().__init__()
        more = len(source_sizes) - len(target_sizes)
        self.origins = tuple(max(0, layer + more) for layer in range(len(target_sizes)))
        self.maps = nn.ModuleList(
            nn.ModuleList(
                nn.Identity()
                if source_sizes[origin] == size
                else self.make_map(source_sizes[origin], size, bounded=part == 0)
                for part in range(parts)
            )
            for origin, size in zip(self.origins, target_sizes, strict=True)
        )

    @staticmethod
    def make_map(source_size: int, target_size: int, *, bounded: bool) -> nn.Module:
        """A linear map, with tanh after it where the state is bounded."""
        linear = nn.Linear(source_size, target_size)
        return nn.Sequential(linear, nn.Tanh()) if bounded else linear

    def forward(self, context: StackState) -> StackState:
        """The encoder's final states -> a state for each decoder layer."""
        layers = []
        for origin, maps in zip(self.origins, self.maps, strict=True):
            assert isinstance(maps, nn.ModuleList)
            parts = zip(maps, context.layers[origin], strict=True)
            layers.append(tuple(convert(part) for convert, part in parts))
        return StackState(tuple(layers))


class Decoder(nn.Module):
    """Embeds the previous token, runs the recurrent layers, and reads out the next token.

    Args:
        embedding: the target embedding.
        stack: the recurrent layers; the input is the embedding, with the context beside it unless
            `mode` is "initial".
        bridge: final encoder states -> initial states; None if `mode` is "every-step", where the
            layers start at zero.
        mode: how the context reaches the decoder.
        context_size: width of the context vector.
        vocab_size: number of target tokens.
        readout_size: width of the layer between the recurrent layers and the output layer.
        context_to_output: show the context to the readout, too (Cho et al. 2014, equation 7).
        tied: use the target embedding's weights as the output layer's (Press & Wolf 2017).
        dropout: share of embedded inputs and of the readout's inputs dropped while training.
    """

    def __init__(
        self,
        embedding: Embedding,
        stack: RecurrentStack,
        bridge: Bridge | None,
        *,
        mode: ContextMode,
        context_size: int,
        vocab_size: int,
        readout_size: int,
        context_to_output: bool = False,
        tied: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.stack = stack
        self.bridge = bridge
        self.mode = mode
        self.context_to_output = context_to_output
        self.readout = nn.Linear(
            stack.output_size + (context_size if context_to_output else 0), readout_size
        )
        self.output = nn.Linear(readout_size, vocab_size)
        nn.init.zeros_(self.output.bias)
        if tied:
            self.output.weight = embedding.weight  # type: ignore[assignment]
        self.dropout = nn.Dropout(dropout)

    def start(self, encoded: Encoded) -> DecoderState:
        """The state before the first token, from what the encoder handed over."""
        vector = encoded.context.layers[-1][0]
        recurrent = self.bridge(encoded.context) if self.bridge else self.stack.zero_state(vector)
        feeds = self.mode != "initial" or self.context_to_output
        # Dropped out once for a sentence, so that a sequence and its steps see the same.
        return DecoderState(recurrent, self.dropout(vector) if feeds else None)

    def step(self, tokens: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """One token on.

        Args:
            tokens: the previous token of each row, ``(batch_size,)``.
            state: the state before it.

        Returns:
            Log-probabilities of the next token ``(batch_size, vocab_size)``, and the new state.
        """
        features, state = self.advance(tokens, state)
        return self.logits(features).float().log_softmax(dim=-1), state

    def advance(self, tokens: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """One token on, up to the features ``(batch_size, readout_size)`` of the next one."""
        outputs, recurrent = self.stack.step(self.inputs(tokens, state), state.recurrent)
        return self.features(outputs, state), state._replace(recurrent=recurrent)

    def sequence(self, tokens: Tensor, state: DecoderState) -> Tensor:
        """All steps at once: ``(batch_size, target_length)`` -> features ``(…, readout_size)``.

        Pads come after a row's last token, where nothing that is before them sees them.
        """
        outputs, _ = self.stack.sequence(self.inputs(tokens, state), state.recurrent)
        return self.features(outputs, state)

    def logits(self, features: Tensor) -> Tensor:
        """Features ``(…, readout_size)`` -> unnormalized log-probabilities ``(…, vocab_size)``."""
        logits: Tensor = self.output(features)
        return logits

    def inputs(self, tokens: Tensor, state: DecoderState) -> Tensor:
        """Embedded tokens ``(batch_size, …)``, with the context beside each if it is fed."""
        embedded: Tensor = self.dropout(self.embedding(tokens))
        if self.mode == "initial":
            return embedded
        assert state.context is not None
        return beside(embedded, state.context)

    def features(self, outputs: Tensor, state: DecoderState) -> Tensor:
        """Outputs of the layers ``(batch_size, …, size)`` -> ``(batch_size, …, readout_size)``."""
        if self.context_to_output:
            assert state.context is not None
            outputs = beside(outputs, state.context)
        features: Tensor = self.dropout(torch.tanh(self.readout(self.dropout(outputs))))
        return features


def beside(values: Tensor, context: Tensor) -> Tensor:
    """`values` ``(batch_size, …, size)`` with ``(batch_size, context_size)`` beside each vector."""
    if values.dim() == 3:
        context = context.unsqueeze(1).expand(-1, values.shape[1], -1)
    return torch.cat([values, context], dim=-1)
