"""The gates of a model's cells while it reads a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast, overload

import torch
from torch import Tensor

from seq2seq.data.tokenizers.normalization import show_token
from seq2seq.data.vocabulary import EOS_ID
from seq2seq.errors import SettingsError
from seq2seq.language_modeling.model import LanguageModel
from seq2seq.models.cells.base import Cell
from seq2seq.models.decoder import Decoder
from seq2seq.models.encoder import Encoder
from seq2seq.models.language_model import LanguageNetwork
from seq2seq.models.rnn import EncoderStack, RecurrentStack, add_residual
from seq2seq.translation.translator import Translator

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class SentenceGates(NamedTuple):
    """The gates of each layer of a model at each token of a sentence.

    Attributes:
        tokens: as the model reads them.
        layers: by the name of the layer, and of the direction where there are two, the values of
            each gate by its name, ``(tokens, hidden_size)`` on the CPU, between 0 and 1.
    """

    tokens: list[str]
    layers: dict[str, dict[str, Tensor]]

    def as_dict(self) -> dict[str, object]:
        """Returns all values as JSON has them."""
        layers = {
            layer: {gate: values.tolist() for gate, values in gates.items()}
            for layer, gates in self.layers.items()
        }
        return {"tokens": self.tokens, "layers": layers}

    def as_table(self) -> str:
        """Returns a table for each layer: the mean of each gate over the units, at each token."""
        shown = [show_token(token) for token in self.tokens]
        width = max(5, *map(len, shown))
        lines = []
        for layer, gates in self.layers.items():
            names = "".join(f"{gate:>9}" for gate in gates)
            lines += [f"{layer}, means over its units", f"  {'token':{width}}{names}"]
            means = torch.stack([values.mean(dim=1) for values in gates.values()], dim=1)
            for token, row in zip(shown, means.tolist(), strict=True):
                lines.append(f"  {token:{width}}" + "".join(f"{mean:9.3f}" for mean in row))
        return "\n".join(lines)

    @overload
    def plot(self) -> Figure: ...

    @overload
    def plot(self, path: str | Path) -> Path: ...

    def plot(self, path: str | Path | None = None) -> Figure | Path:
        """Draws all gates as heat maps: a picture for a notebook, or a file .png, .pdf or .svg.

        Returns:
            The matplotlib Figure; the file, if one was to be written.

        Raises:
            SettingsError: matplotlib is not installed, or the file's name has another ending.
            DataError: there are too many tokens for a picture, or the file can't be written.
        """
        from seq2seq.plotting.figure import save_figure
        from seq2seq.plotting.gates import gates_figure

        figure: Figure = gates_figure(self.tokens, self.layers)
        return figure if path is None else save_figure(figure, path)


@torch.no_grad()
def read_gates(model: LanguageModel | Translator, sentence: str) -> SentenceGates:
    """Reads a sentence with a language model, or with the encoder of a translation model.

    Args:
        model: any with cells that have gates; of an ensemble it is the first one.
        sentence: any text. A language model reads a line's end or bos before it, an encoder eos
            after it.

    Raises:
        SettingsError: the model's cells have no gates, or it is one of n-grams.
    """
    reader: Encoder | Decoder
    if isinstance(model, Translator):
        reader, vocab = model.model.encoder, model.source.vocab
        ids = [*model.source.encode([sentence])[0], EOS_ID]
    elif isinstance(model.network, LanguageNetwork):
        reader, vocab = model.network.decoder, model.text.pipeline.vocab
        ids = model.text.row(model.text.clean(sentence))
    else:
        raise SettingsError("gates are those of recurrent models, and this one is of n-grams")
    inputs = reader.embedding(torch.tensor([ids], device=model.device))
    layers = stack_gates(reader.stack, inputs)
    if not all(layers.values()):
        raise SettingsError(
            "the cells of this model have no gates: those of --model.cell gru and lstm, for "
            "example, have some"
        )
    return SentenceGates(vocab.tokens(ids), layers)


def stack_gates(
    stack: RecurrentStack | EncoderStack, inputs: Tensor
) -> dict[str, dict[str, Tensor]]:
    """Returns the gates of each layer, see `SentenceGates`, for one sentence.

    The inputs are ``(1, length, input_size)``; reading begins with a state of zeros.
    """
    forwards = stack.forwards if isinstance(stack, EncoderStack) else stack.cells
    backwards = [*stack.backwards] if isinstance(stack, EncoderStack) else []
    found = {}
    for number, cell in enumerate(forwards, start=1):
        outputs, gates = cell_gates(cast(Cell, cell), inputs)
        if not backwards:
            found[f"layer {number}"] = gates
        else:
            found[f"layer {number}, forwards"] = gates
            other = cast(Cell, backwards[number - 1])
            reversed_outputs, gates = cell_gates(other, inputs.flip(1))
            found[f"layer {number}, backwards"] = {
                gate: values.flip(0) for gate, values in gates.items()
            }
            outputs = torch.cat([outputs, reversed_outputs.flip(1)], dim=-1)
        inputs = add_residual(outputs, inputs, stack.residual)
    return found


def cell_gates(cell: Cell, inputs: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Returns the outputs of a cell ``(1, length, hidden_size)``, and its gates at each step."""
    state = cell.zero_state(inputs[:, 0])
    outputs, steps = [], []
    for vector in inputs.unbind(1):
        steps.append(cell.gates(vector, state))
        output, state = cell.step(vector, state)
        outputs.append(output)
    gates = {name: torch.cat([step[name] for step in steps]).cpu() for name in steps[0]}
    return torch.stack(outputs, dim=1), gates
