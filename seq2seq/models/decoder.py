"""The decoder: context -> a distribution over the next target token, step by step or all at once.

The context reaches the decoder as its initial state (Sutskever et al. 2014), as a further input at
every step, or both ways (Cho et al. 2014). With attention it also looks back at all of the source,
in one of two orders:

- Luong et al. (2015): the recurrent layers take their step, and the *new* state attends. Without
  input feeding no step depends on what was attended to, and the whole target runs through the fused
  kernel at once. With it, each step also sees what the last one handed to the output layer.
- Bahdanau et al. (2015): the *previous* state attends, and what it finds is an input of the step.

``step`` and ``sequence`` compute the same function.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from seq2seq.config.model import ModelSettings
from seq2seq.models.attention import Attention, Memory
from seq2seq.models.cells.base import CellState
from seq2seq.models.dropout import Dropout, WordDropout, dropout
from seq2seq.models.encoder import Embedding, EncoderOutput, LearnedEmbedding, vocab_size
from seq2seq.models.lexical import LexicalTranslation
from seq2seq.models.rnn import RecurrentStack, StackState


class DecoderMasks(NamedTuple):
    """What is dropped at every step of a sentence; a mask ``(batch_size, …)`` each, or None.

    Attributes:
        words: of the target vocabulary.
        embedded: of the embedded tokens.
        outputs: of what goes into the readout.
        features: of what comes out of it.
    """

    words: Tensor | None
    embedded: Tensor | None
    outputs: Tensor | None
    features: Tensor | None


class DecoderState(NamedTuple):
    """What the decoder carries from step to step.

    Attributes:
        recurrent: the state of its layers.
        context: the vector that is fed at every step, ``(batch_size, context_size)``; None if the
            context is the initial state alone.
        masks: what training hides.
        memory: what attention looks at; None without attention, and so are the rest.
        source_embeddings: the embedded source, ``(batch_size, source_length, embedding_size)``, for lexical
            translation.
        attention_weights: of the last step's attention, ``(batch_size, source_length)``.
        coverage: the sum of all weights so far, ``(batch_size, source_length)``, if it is used.
        input_feed: what the last step handed to the output layer, ``(batch_size, readout_size)``, with
            input feeding.
    """

    recurrent: StackState
    context: Tensor | None
    masks: DecoderMasks
    memory: Memory | None = None
    source_embeddings: Tensor | None = None
    attention_weights: Tensor | None = None
    coverage: Tensor | None = None
    input_feed: Tensor | None = None


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

    def forward(self, context: StackState) -> tuple[CellState, ...]:
        """The encoder's final states -> a state for each decoder layer."""
        layers = []
        for origin, maps in zip(self.origins, self.maps, strict=True):
            assert isinstance(maps, nn.ModuleList)
            parts = zip(maps, context.layers[origin], strict=True)
            layers.append(tuple(convert(part) for convert, part in parts))
        return tuple(layers)


class Decoder(nn.Module):
    """Embeds the previous token, runs the recurrent layers, and reads out the next token.

    Args:
        embedding: the target embedding.
        stack: the recurrent layers.
        bridge: final encoder states -> initial states; None if the context is shown at every step
            only, where the layers start at zero.
        attention: what looks back at the source, if anything does.
        context_size: width of the context vector.
        settings: how the context reaches the decoder, the order of attention, input feeding,
            lexical translation, tied weights, widths and dropout.
    """

    def __init__(
        self,
        embedding: Embedding,
        stack: RecurrentStack,
        bridge: Bridge | None,
        attention: Attention | None,
        context_size: int,
        settings: ModelSettings,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.stack = stack
        self.bridge = bridge
        self.attention = attention
        self.mode = settings.context
        self.context_to_output = settings.context_to_output
        self.order = settings.attention_order
        self.input_feeding = settings.input_feeding
        attended_size = attention.output_size if attention else 0
        self.readout = nn.Linear(
            stack.output_size + attended_size + (context_size if self.context_to_output else 0),
            settings.embedding_size,
        )
        lexical = settings.lexical and attention is not None
        self.lexical = LexicalTranslation(settings.embedding_size) if lexical else None
        self.output = nn.Linear(settings.embedding_size, vocab_size(embedding))
        nn.init.zeros_(self.output.bias)
        if settings.tied_output and isinstance(embedding, LearnedEmbedding):
            self.output.weight = embedding.weight
        self.dropout = Dropout(settings.dropout, locked=settings.locked_dropout)
        self.word_dropout = WordDropout(settings.word_dropout)

    def start(self, encoded: EncoderOutput) -> DecoderState:
        """The state before the first token, from what the encoder handed over."""
        vector = encoded.context.layers[-1][0]
        recurrent = (
            self.stack.init_state(self.bridge(encoded.context))
            if self.bridge
            else self.stack.zero_state(vector)
        )
        feeds = self.mode != "initial" or self.context_to_output
        # Dropped out once for a sentence, so that a sequence and its steps see the same.
        context = dropout(vector, self.dropout.rate, self.training) if feeds else None
        state = DecoderState(recurrent, context, self.sample_masks(vector))
        if self.attention is None:
            return state
        memory = self.attention.prepare(encoded)
        covers = self.attention.cover is not None
        return state._replace(
            memory=memory,
            source_embeddings=encoded.embedded if self.lexical else None,
            coverage=vector.new_zeros(memory.pads.shape) if covers else None,
            input_feed=vector.new_zeros(len(vector), self.readout.out_features)
            if self.input_feeding
            else None,
        )

    def init_state(self, recurrent: StackState) -> DecoderState:
        """The state before the first token where there is no source."""
        return DecoderState(recurrent, None, self.sample_masks(recurrent.layers[0][0]))

    def sample_masks(self, like: Tensor) -> DecoderMasks:
        """Masks for a batch like `like` ``(batch_size, …)``; nothing unless the model trains."""
        return DecoderMasks(
            self.word_dropout.sample_masks(self.output.out_features, like),
            self.dropout.sample_masks(self.embedding.embedding_dim, like),
            self.dropout.sample_masks(self.readout.in_features, like),
            self.dropout.sample_masks(self.readout.out_features, like),
        )

    def step(self, tokens: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """One token on.

        Args:
            tokens: the previous token of each row, ``(batch_size,)``.
            state: the state before it.

        Returns:
            Log-probabilities of the next token ``(batch_size, vocab_size)``, and the new state.
        """
        features, state = self.step_hidden(tokens, state)
        return self.logits(features).float().log_softmax(dim=-1), state

    def step_hidden(self, tokens: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """One token on, up to the features ``(batch_size, readout_size)`` of the next one."""
        return self.step_embedded(self.embed(tokens, state), state)

    def step_embedded(self, inputs: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """`step_hidden`, from the inputs that are known before the step."""
        attended = None
        if self.input_feeding:
            assert state.input_feed is not None
            inputs = torch.cat([inputs, state.input_feed], dim=-1)
        if self.order == "bahdanau":
            attended, state = self.attend(state.recurrent.layers[-1][0], state)
            inputs = torch.cat([inputs, attended], dim=-1)
        outputs, recurrent = self.stack.step(inputs, state.recurrent)
        state = state._replace(recurrent=recurrent)
        if self.attention is not None and attended is None:
            attended, state = self.attend(outputs, state)
        features = self.pre_logits(outputs, state, attended, state.attention_weights)
        return features, state._replace(input_feed=features) if self.input_feeding else state

    def attend(self, queries: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """What ``(batch_size, query_size)`` attends to, ``(batch_size, output_size)``."""
        assert self.attention is not None
        assert state.memory is not None
        attended, weights = self.attention(queries.unsqueeze(1), state.memory, state.coverage)
        weights = weights.squeeze(1)
        coverage = None if state.coverage is None else state.coverage + weights
        return attended.squeeze(1), state._replace(attention_weights=weights, coverage=coverage)

    def sequence(self, tokens: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """All steps at once: ``(batch_size, target_length)`` -> features ``(…, readout_size)``.

        Pads come after a row's last token, where nothing that is before them sees them. The state
        that comes back is that of the last step, pads counted; without input feeding, its attention
        and coverage are still those of `state`.
        """
        inputs = self.embed(tokens, state)
        if self.order == "bahdanau" or self.input_feeding:
            steps = []
            for each in inputs.unbind(1):
                features, state = self.step_embedded(each, state)
                steps.append(features)
            return torch.stack(steps, dim=1), state
        outputs, recurrent = self.stack.sequence(inputs, state.recurrent)
        features = self.pre_logits(outputs, state, *self.attend_sequence(outputs, state))
        return features, state._replace(recurrent=recurrent)

    def attend_sequence(
        self, queries: Tensor, state: DecoderState
    ) -> tuple[Tensor, Tensor] | tuple[None, None]:
        """What all steps attend to, and their weights, ``(batch_size, target_length, …)`` each.

        At once, but where a step depends on the coverage that the last one left.
        """
        if self.attention is None:
            return None, None
        if state.coverage is None:
            attended, weights = self.attention(queries, state.memory)
            return attended, weights
        found, weighed = [], []
        for each in queries.unbind(1):
            attended, state = self.attend(each, state)
            assert state.attention_weights is not None
            found.append(attended)
            weighed.append(state.attention_weights)
        return torch.stack(found, dim=1), torch.stack(weighed, dim=1)

    def logits(self, features: Tensor) -> Tensor:
        """Features ``(…, readout_size)`` -> unnormalized log-probabilities ``(…, vocab_size)``."""
        logits: Tensor = self.output(features)
        return logits

    def embed(self, tokens: Tensor, state: DecoderState) -> Tensor:
        """Embedded tokens ``(batch_size, …)``, with the context beside each if it is fed."""
        embedded: Tensor = self.word_dropout(self.embedding(tokens), tokens, state.masks.words)
        embedded = self.dropout(embedded, state.masks.embedded)
        if self.mode == "initial":
            return embedded
        assert state.context is not None
        return concat_context(embedded, state.context)

    def pre_logits(
        self,
        outputs: Tensor,
        state: DecoderState,
        attended: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> Tensor:
        """The readout of Luong et al. (2015), equation 5: ``(batch_size, …, readout_size)``.

        Args:
            outputs: of the recurrent layers, ``(batch_size, …, size)``.
            state: brings the context, if that is shown to the readout, and the source's words.
            attended: what attention found, ``(batch_size, …, size)``, if there is attention.
            weights: its weights, ``(batch_size, …, source_length)``.
        """
        if attended is not None:
            outputs = torch.cat([outputs, attended], dim=-1)
        if self.context_to_output:
            assert state.context is not None
            outputs = concat_context(outputs, state.context)
        outputs = self.dropout(outputs, state.masks.outputs)
        features = torch.tanh(self.readout(outputs))
        if self.lexical is not None:
            features = features + self.lexical(weights, state.source_embeddings)
        dropped: Tensor = self.dropout(features, state.masks.features)
        return dropped


def concat_context(values: Tensor, context: Tensor) -> Tensor:
    """`values` ``(batch_size, …, size)`` with ``(batch_size, context_size)`` beside each vector."""
    if values.dim() == 3:
        context = context.unsqueeze(1).expand(-1, values.shape[1], -1)
    return torch.cat([values, context], dim=-1)
