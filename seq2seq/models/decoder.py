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

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from seq2seq.errors import SettingsError
from seq2seq.models.attention.base import Attention, Memory
from seq2seq.models.bridge import Bridge
from seq2seq.models.chosen_output import ChosenOutput
from seq2seq.models.dropout import Dropout, WordDropout, dropout
from seq2seq.models.encoder import Embedding, EncoderOutput, LearnedEmbedding
from seq2seq.models.lexical import LexicalTranslation
from seq2seq.models.rnn import NO_REGULARIZATION, RecurrentStack, Regularization, StackState


class DecoderMasks(NamedTuple):
    """The dropout masks of a sentence, the same at every step; ``(batch_size, …)`` each, or None.

    Attributes:
        words: of the target vocabulary.
        embedded: of the embedded tokens.
        outputs: of the inputs of the readout.
        pre_logits: of its outputs.
    """

    words: Tensor | None
    embedded: Tensor | None
    outputs: Tensor | None
    pre_logits: Tensor | None


class DecoderState(NamedTuple):
    """What the decoder carries from step to step.

    Attributes:
        context: the vector that is an input of every step, ``(batch_size, context_size)``; None if
            the context is the initial state alone.
        memory: what attention looks at; None without attention, and so are the rest.
        source_embeddings: the embedded source, ``(batch_size, source_length, embedding_size)``, for
            lexical translation.
        attention_weights: of the last step's attention, ``(batch_size, source_length)``.
        coverage: the sum of all weights so far, ``(batch_size, source_length)``, if it is used.
        input_feed: the pre-logits of the last step, ``(batch_size, readout_size)``, with input
            feeding.
        output: the output layer for the tokens that the batch may have; None: for all.
    """

    recurrent: StackState
    context: Tensor | None
    masks: DecoderMasks
    memory: Memory | None = None
    source_embeddings: Tensor | None = None
    attention_weights: Tensor | None = None
    coverage: Tensor | None = None
    input_feed: Tensor | None = None
    output: ChosenOutput | None = None

    @property
    def source_fields(self) -> tuple[str, ...]:
        """What a search needs once for each sentence, however many hypotheses it follows."""
        return ("memory", "source_embeddings")


class Decoder(nn.Module):
    """Embeds the previous token, runs the recurrent layers, and reads out the next token.

    `ModelSettings` explains the arguments that have the names of settings.

    Args:
        bridge: final encoder states -> initial states; without one the layers start at zero.
        regularization: how much of words, embedded tokens, the readout's inputs and the pre-logits
            is dropped.
        readout_size: width of the pre-logits, what the output layer gets.
        context_size: width of the context vector; 0 where there is no source.
        lexical: whether there is lexical translation; no effect without attention.
        tied_output: no effect on an embedding without weights.
    """

    def __init__(
        self,
        embedding: Embedding,
        stack: RecurrentStack,
        bridge: Bridge | None = None,
        attention: Attention | None = None,
        regularization: Regularization = NO_REGULARIZATION,
        *,
        readout_size: int,
        context_size: int = 0,
        context: Literal["initial", "every-step", "both"] = "initial",
        context_to_output: bool = False,
        attention_order: Literal["luong", "bahdanau"] = "luong",
        input_feeding: bool = False,
        lexical: bool = False,
        tied_output: bool = False,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.stack = stack
        self.bridge = bridge
        self.attention = attention
        self.context = context
        self.context_to_output = context_to_output
        self.attention_order = attention_order
        self.input_feeding = input_feeding
        attended_size = attention.output_size if attention else 0
        self.readout = nn.Linear(
            stack.output_size + attended_size + (context_size if context_to_output else 0),
            readout_size,
        )
        self.lexical = LexicalTranslation(readout_size) if lexical and attention else None
        self.output = nn.Linear(readout_size, embedding.num_embeddings)
        nn.init.zeros_(self.output.bias)
        if tied_output and isinstance(embedding, LearnedEmbedding):
            self.output.weight = embedding.weight
        self.dropout = Dropout(regularization.dropout, locked=regularization.locked)
        self.word_dropout = WordDropout(regularization.words)

    def start(self, encoded: EncoderOutput) -> DecoderState:
        """Returns the state before the first token, from what the encoder hands over."""
        vector = encoded.context.layers[-1][0]  # (batch_size, context_size)
        recurrent = (
            self.stack.init_state(self.bridge(encoded.context))
            if self.bridge
            else self.stack.zero_state(vector)
        )
        feeds = self.context != "initial" or self.context_to_output
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
        """Returns the state before the first token where there is no source."""
        return DecoderState(recurrent, None, self.sample_masks(recurrent.layers[0][0]))

    def sample_masks(self, like: Tensor) -> DecoderMasks:
        """Returns masks for a batch like `like` ``(batch_size, …)``; None unless in training."""
        return DecoderMasks(
            self.word_dropout.sample_masks(self.output.out_features, like),
            self.dropout.sample_masks(self.embedding.embedding_dim, like),
            self.dropout.sample_masks(self.readout.in_features, like),
            self.dropout.sample_masks(self.readout.out_features, like),
        )

    def step(self, tokens: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """Takes one step: the previous tokens ``(batch_size,)``, and the state before them.

        Returns:
            Log-probabilities of the next tokens ``(batch_size, vocab_size)``, or of those that were
            chosen for this state, and the new state.

        Raises:
            SettingsError: another shape.
        """
        check_tokens(tokens, state, "(batch_size,)")
        pre_logits, state = self.step_hidden(tokens, state)
        layer = self.logits if state.output is None else state.output.logits
        return layer(pre_logits).float().log_softmax(dim=-1), state

    def step_hidden(self, tokens: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """Takes one step, up to the pre-logits ``(batch_size, readout_size)`` of the next token."""
        return self.step_embedded(self.embed(tokens, state), state)

    def step_embedded(self, inputs: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """Takes one step from embedded inputs ``(batch_size, size)``, see `step_hidden`."""
        attended = None
        if self.input_feeding:
            assert state.input_feed is not None
            inputs = torch.cat([inputs, state.input_feed], dim=-1)
        if self.attention_order == "bahdanau":
            attended, state = self.attend(state.recurrent.layers[-1][0], state)
            inputs = torch.cat([inputs, attended], dim=-1)
        outputs, recurrent = self.stack.step(inputs, state.recurrent)
        state = state._replace(recurrent=recurrent)
        if self.attention is not None and attended is None:
            attended, state = self.attend(outputs, state)
        pre_logits = self.pre_logits(outputs, state, attended, state.attention_weights)
        return pre_logits, state._replace(input_feed=pre_logits) if self.input_feeding else state

    def attend(self, queries: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """Attends with queries ``(batch_size, query_size)``, one for each row.

        A search may have several rows for each source in the memory: then these attend together.

        Returns:
            What is attended to, ``(batch_size, output_size)``, and the state with the new weights.
        """
        assert self.attention is not None
        memory = state.memory
        assert memory is not None
        each = len(queries) // len(memory.pads)
        if state.coverage is not None and each > 1:  # keys differ from row to row
            memory = Memory(*(part.repeat_interleave(each, dim=0) for part in memory))
        grouped = queries.reshape(len(memory.pads), -1, queries.shape[-1])
        attended, weights = self.attention(grouped, memory, state.coverage)
        weights = weights.flatten(0, 1)  # (batch_size, source_length)
        coverage = None if state.coverage is None else state.coverage + weights
        state = state._replace(attention_weights=weights, coverage=coverage)
        return attended.flatten(0, 1), state

    def sequence(self, tokens: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """Takes all steps at once, up to the pre-logits.

        Args:
            tokens: the previous token of each position, ``(batch_size, target_length)``. Pads come
                after a row's last token, where nothing that is before them sees them.
            state: before the first step.

        Returns:
            ``(batch_size, target_length, readout_size)``, which `logits` takes; and the state after
            the last step, pads counted; without input feeding, its attention and coverage are still
            those of `state`.

        Raises:
            SettingsError: another shape, as time-first.
        """
        check_tokens(tokens, state, "(batch_size, target_length)")
        inputs = self.embed(tokens, state)  # (batch_size, target_length, size)
        if self.attention_order == "bahdanau" or self.input_feeding:
            steps = []
            for each in inputs.unbind(1):
                pre_logits, state = self.step_embedded(each, state)
                steps.append(pre_logits)
            return torch.stack(steps, dim=1), state
        outputs, recurrent = self.stack.sequence(inputs, state.recurrent)
        pre_logits = self.pre_logits(outputs, state, *self.attend_sequence(outputs, state))
        return pre_logits, state._replace(recurrent=recurrent)

    def attend_sequence(
        self, queries: Tensor, state: DecoderState
    ) -> tuple[Tensor, Tensor] | tuple[None, None]:
        """Attends with the queries of all steps, ``(batch_size, target_length, query_size)``.

        All at once, unless a step depends on the coverage that the last one left.

        Returns:
            What is attended to, and the weights, ``(batch_size, target_length, …)`` each.
        """
        if self.attention is None:
            return None, None
        if state.coverage is None:
            attended, weights = self.attention(queries, state.memory)
            return attended, weights
        found, all_weights = [], []
        for each in queries.unbind(1):
            attended, state = self.attend(each, state)
            assert state.attention_weights is not None
            found.append(attended)
            all_weights.append(state.attention_weights)
        return torch.stack(found, dim=1), torch.stack(all_weights, dim=1)

    def logits(self, pre_logits: Tensor) -> Tensor:
        """Applies the output layer: ``(…, readout_size)`` -> logits ``(…, vocab_size)``."""
        logits: Tensor = self.output(pre_logits)
        return logits

    def embed(self, tokens: Tensor, state: DecoderState) -> Tensor:
        """Embeds tokens ``(batch_size, …)``, with the context beside each if it is an input."""
        embedded: Tensor = self.word_dropout(self.embedding(tokens), tokens, state.masks.words)
        embedded = self.dropout(embedded, state.masks.embedded)
        if self.context == "initial":
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
        """Returns the readout ``(batch_size, …, readout_size)`` (Luong et al. 2015, equation 5).

        Args:
            outputs: of the recurrent layers, ``(batch_size, …, size)``.
            attended: what was attended to, ``(batch_size, …, size)``, if there is attention.
            weights: its weights, ``(batch_size, …, source_length)``.
        """
        if attended is not None:
            outputs = torch.cat([outputs, attended], dim=-1)
        if self.context_to_output:
            assert state.context is not None
            outputs = concat_context(outputs, state.context)
        outputs = self.dropout(outputs, state.masks.outputs)
        pre_logits = torch.tanh(self.readout(outputs))  # (batch_size, …, readout_size)
        if self.lexical is not None:
            pre_logits = pre_logits + self.lexical(weights, state.source_embeddings)
        dropped: Tensor = self.dropout(pre_logits, state.masks.pre_logits)
        return dropped


def check_tokens(tokens: Tensor, state: DecoderState, expected: str) -> None:
    """Raises SettingsError unless tokens have the expected shape, a row for each of the state."""
    rows = state.recurrent.layers[0][0].shape[0]
    if tokens.dim() != len(expected.split(", ")) or tokens.shape[0] != rows:
        raise SettingsError(
            f"tokens are {expected}, batch first, and the state has {rows} rows: tokens are "
            f"{tuple(tokens.shape)}"
        )


def concat_context(values: Tensor, context: Tensor) -> Tensor:
    """Puts the context ``(batch_size, context_size)`` beside each vector of the values.

    ``(batch_size, …, size)`` -> ``(batch_size, …, size + context_size)``.
    """
    if values.dim() == 3:
        context = context.unsqueeze(1).expand(-1, values.shape[1], -1)
    return torch.cat([values, context], dim=-1)
