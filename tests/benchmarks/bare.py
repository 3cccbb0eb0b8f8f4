"""The same models in as few lines of torch as they take: what ours are measured against.

No masks that could be left out, no checks, no options, no logging. What is computed is the same:
bidirectional LSTM, bridge, LSTM decoder, attention, tied readout, label-smoothed loss on real
tokens, AdamW in its fused form.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seq2seq.data.batching import Batch
from seq2seq.data.vocabulary import BOS_ID, EOS_ID
from seq2seq.models.translation import TranslationModel

BareAttention = Literal["none", "scaled-general", "additive"]


def to_device(values: Tensor, device: torch.device) -> Tensor:
    """The same on a device, without waiting for it."""
    if device.type != "cuda":
        return values
    return values.pin_memory().to(device, non_blocking=True)


def drop_pads(values: Tensor, lengths: Tensor) -> Tensor:
    """The real positions of ``(batch_size, length, …)``, which a CPU counts."""
    real = torch.arange(values.shape[1]) < lengths.unsqueeze(1)
    if values.device.type != "cuda":
        return values[real]
    return values.flatten(0, 1).index_select(
        0, to_device(real.flatten().nonzero().squeeze(1), values.device)
    )


class BareModel(nn.Module):
    """An encoder and a decoder of LSTMs; `additive` has input feeding, `scaled-general` has not."""

    def __init__(
        self,
        vocab_size: int,
        attention: BareAttention,
        *,
        embedding_size: int,
        decoder_size: int,
        dropout: float,
        layers: int = 1,
    ) -> None:
        super().__init__()
        memory_size = decoder_size
        self.attention = attention
        self.dropout = dropout
        self.source = nn.Embedding(vocab_size, embedding_size)
        self.target = nn.Embedding(vocab_size, embedding_size)
        between = dropout if layers > 1 else 0.0
        self.encoder = nn.LSTM(
            embedding_size,
            decoder_size // 2,
            layers,
            bidirectional=True,
            batch_first=True,
            dropout=between,
        )
        feeds = embedding_size if attention == "additive" else 0
        self.decoder = nn.LSTM(
            embedding_size + feeds, decoder_size, layers, batch_first=True, dropout=between
        )
        self.keys = nn.Linear(memory_size, decoder_size, bias=False)
        self.query = nn.Linear(decoder_size, decoder_size)
        self.score = nn.Linear(decoder_size, 1, bias=False)
        attended = 0 if attention == "none" else memory_size
        self.readout = nn.Linear(decoder_size + attended, embedding_size)
        self.bias = nn.Parameter(torch.zeros(vocab_size))

    def operations(self, source_tokens: int, target_tokens: int) -> float:
        """Multiplications and additions of all products with weights, forwards."""
        readers = [self.encoder, *([] if self.attention == "none" else [self.keys])]
        writers = [self.decoder, self.readout, self.target]
        if self.attention == "additive":
            writers.append(self.query)
        return 2.0 * sum(
            tokens * sum(each.numel() for each in module.parameters() if each.dim() == 2)
            for modules, tokens in ((readers, source_tokens), (writers, target_tokens))
            for module in modules
        )

    def copy_weights(self, model: TranslationModel) -> None:
        """Takes the weights of one of our models of the same kind, without lexical translation."""
        encoder, decoder = model.encoder, model.decoder
        forwards, backwards = encoder.stack.forwards[0], encoder.stack.backwards[0]
        pairs = [
            (self.source, encoder.embedding),
            (self.target, decoder.embedding),
            (self.decoder, decoder.stack.cells[0].kernel),
            (self.readout, decoder.readout),
            (self.keys, decoder.attention.key),
        ]
        for own, other in pairs:
            own.load_state_dict(other.state_dict())
        weights = {
            **forwards.kernel.state_dict(),
            **{f"{name}_reverse": each for name, each in backwards.kernel.state_dict().items()},
        }
        self.encoder.load_state_dict(weights)
        self.bias.data.copy_(decoder.output.bias)

    def encode(self, ids: Tensor, lengths: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Reads the source; packed only where there are pads."""
        embedded = F.dropout(self.source(ids), self.dropout, self.training)
        if int(lengths.min()) == ids.shape[1]:
            memory, (hidden, cell) = self.encoder(embedded)
        else:
            packed = pack_padded_sequence(embedded, lengths, True, enforce_sorted=False)
            outputs, (hidden, cell) = self.encoder(packed)
            memory, _ = pad_packed_sequence(outputs, batch_first=True)
        # Both directions side by side are as wide as the decoder, and its first state.
        first, second = (
            torch.cat([part[0::2], part[1::2]], dim=-1).contiguous() for part in (hidden, cell)
        )
        return memory, (first, second)

    def attend(self, queries: Tensor, memory: Tensor, keys: Tensor, mask: Tensor) -> Tensor:
        """Attention of queries ``(batch_size, length, size)``; the mask is 0 or -inf."""
        if self.attention == "additive":
            sums = torch.tanh(self.query(queries).unsqueeze(2) + keys.unsqueeze(1))
            scores = self.score(sums).squeeze(-1)
        else:
            scores = torch.bmm(queries, keys.transpose(1, 2)) * keys.shape[-1] ** -0.5
        weights = (scores.float() + mask).softmax(dim=-1).to(memory.dtype)
        return torch.bmm(weights, memory)

    def forward(self, batch: Batch) -> Tensor:
        """Returns the logits of every real target token."""
        memory, state = self.encode(batch.source, batch.source_lengths)
        inputs = F.dropout(self.target(batch.target_input), self.dropout, self.training)
        if self.attention != "none":
            keys = self.keys(memory)
            mask = self.mask(memory, batch.source_lengths)
        if self.attention == "additive":
            feed = inputs.new_zeros(len(inputs), self.readout.out_features)
            steps = []
            for each in inputs.unbind(1):
                output, state = self.decoder(torch.cat([each, feed], -1).unsqueeze(1), state)
                attended = self.attend(output, memory, keys, mask)
                feed = self.read(torch.cat([output, attended], -1).squeeze(1))
                steps.append(feed)
            values = torch.stack(steps, dim=1)
        else:
            values, _ = self.decoder(inputs, state)
            if self.attention != "none":
                attended = self.attend(values, memory, keys, mask)
                values = torch.cat([values, attended], -1)
            values = self.read(values)
        return F.linear(drop_pads(values, batch.target_lengths), self.target.weight, self.bias)

    @staticmethod
    def mask(memory: Tensor, lengths: Tensor) -> Tensor:
        """What is added to scores, ``(batch_size, 1, source_length)``: -inf on pads, else 0."""
        places = torch.arange(memory.shape[1], device=memory.device)
        pads = places >= to_device(lengths, memory.device).unsqueeze(1)
        zeros = torch.zeros(pads.shape, device=memory.device)
        return zeros.masked_fill(pads, float("-inf")).unsqueeze(1)

    def read(self, values: Tensor) -> Tensor:
        """What the output layer gets."""
        values = F.dropout(values, self.dropout, self.training)
        return F.dropout(torch.tanh(self.readout(values)), self.dropout, self.training)

    @torch.inference_mode()
    def translate(self, source: Tensor, lengths: Tensor, steps: int) -> Tensor:
        """The tokens of `steps` greedy steps, for every row to the end: arithmetic alone."""
        memory, state = self.encode(source, lengths)
        keys = self.keys(memory) if self.attention != "none" else memory
        mask = self.mask(memory, lengths)
        tokens = torch.full((len(source),), BOS_ID, device=source.device)
        found = []
        for _ in range(steps):
            output, state = self.decoder(self.target(tokens).unsqueeze(1), state)
            if self.attention != "none":
                output = torch.cat([output, self.attend(output, memory, keys, mask)], -1)
            tokens = F.linear(self.read(output.squeeze(1)), self.target.weight, self.bias).argmax(
                -1
            )
            found.append(tokens)
            if bool((tokens == EOS_ID).all()):
                break
        return torch.stack(found, dim=1)


class BareTraining:
    """A training loop around a bare model."""

    def __init__(self, model: BareModel, precision: torch.dtype, label_smoothing: float) -> None:
        self.model = model.train()
        self.precision = precision
        self.label_smoothing = label_smoothing
        self.optimizer = torch.optim.AdamW(
            model.parameters(), lr=1e-3, betas=(0.9, 0.98), weight_decay=0.0, fused=True
        )

    def update(self, batch: Batch) -> None:
        """Updates the weights once."""
        self.optimizer.zero_grad(set_to_none=True)
        device = self.model.bias.device
        source, inputs, outputs = (
            to_device(each, device)
            for each in (batch.source, batch.target_input, batch.target_output)
        )
        batch = batch._replace(source=source, target_input=inputs, target_output=outputs)
        with torch.autocast(device.type, self.precision, enabled=self.precision != torch.float32):
            logits = self.model(batch)
            loss = F.cross_entropy(
                logits,
                drop_pads(outputs, batch.target_lengths),
                label_smoothing=self.label_smoothing,
            )
        loss.backward()
        self.optimizer.step()
