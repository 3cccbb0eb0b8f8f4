"""Gradient flow: how far back in time learning can reach.

A loss at the last step T changes what is computed at step t only by the gradient ∂loss_T/∂h_t. It
is a product of T - t Jacobians,

    ∂loss_T/∂h_t = ∂loss_T/∂h_T · ∂h_T/∂h_{T-1} ··· ∂h_{t+1}/∂h_t

and so it tends to vanish or to explode with the distance (Bengio et al. 1994; Pascanu et al. 2013).
Its norm at each step is measured by automatic differentiation through the steps of a cell.

The state of an LSTM is two tensors, and both are reported. h_t is an input of the gates and the
candidate of step t + 1 only, so its gradient has passed them: it can be zero where the gates do not
depend on h, however well the memory works. The gradient at the memory cell c_t is the whole: it
comes from c_{t+1}, times the forget gate (the constant error carousel of Hochreiter & Schmidhuber
1997), and from h_t, which is computed from c_t. So the norm for c_t shows how far an LSTM can
learn. The same holds for an SRU, where no later step depends on h_t: its norm is zero but at T.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from seq2seq.config.language_model import LanguageModelSettings
from seq2seq.errors import DataError, SettingsError
from seq2seq.evaluation.multi_step import spread_evenly
from seq2seq.models.cells.base import Cell, CellState
from seq2seq.models.language_model import LanguageNetwork, build_language_model
from seq2seq.models.rnn import RecurrentStack
from seq2seq.runs.files import finite_or_none

DISTANCES = (1, 2, 5)
"""The steps back that a table shows, times each power of 10; and the last step and the first."""


class GradientFlow(NamedTuple):
    """Mean norms of the gradient of a batch's losses, first step first.

    Attributes:
        hidden: of ∂loss_T/∂h_t, ``(length,)``, float64 on the CPU.
        memory: of ∂loss_T/∂c_t, the same shape; None if the cell has no memory cell.
    """

    hidden: Tensor
    memory: Tensor | None

    def as_dict(self) -> dict[str, object]:
        """Returns the norms as JSON has them, first step first; None for one that is not finite."""
        norms = {"hidden": self.hidden, "memory": self.memory}
        found: dict[str, object] = finite_or_none(
            {name: None if each is None else each.tolist() for name, each in norms.items()}
        )
        return found

    def by_name(self, name: str) -> dict[str, Tensor]:
        """Returns all norms by what they are called in tables and pictures of `name`."""
        if self.memory is None:
            return {name: self.hidden}
        return {f"{name}, h": self.hidden, f"{name}, c": self.memory}


def gradient_flow(
    layers: Cell | RecurrentStack, inputs: Tensor, loss: Callable[[Tensor], Tensor]
) -> GradientFlow:
    """Computes the gradient of a loss at the last step with respect to the state at each step.

    The states are those of the top layer; a gradient reaches back through every layer, each by its
    own states. All is computed with a copy of the weights, in float64 on the CPU, so that a norm of
    1e-160 is still told from zero and one of 1e+150 from infinity. Nothing is dropped, as in
    evaluation.

    Args:
        layers: a cell, or a stack of layers; it starts from zeros, and is left as it is.
        inputs: ``(batch_size, length, input_size)``; every row is full.
        loss: the last output ``(batch_size, output_size)``, float64 on the CPU -> each row's loss
            ``(batch_size,)``.

    Returns:
        Norms of each row's gradient, averaged over the rows.

    Raises:
        DataError: the inputs are of another shape, or empty.
        SettingsError: the loss is of another shape or does not depend on the last output.
    """
    if inputs.dim() != 3 or not inputs.numel():
        raise DataError(
            "inputs must be (batch_size, length, input_size), with at least one vector; they are "
            f"{tuple(inputs.shape)}"
        )
    layers = copy.deepcopy(layers).cpu().double().eval().requires_grad_(False)
    with torch.enable_grad():
        # Inputs and first state need a gradient, so every state has one, though no weight does.
        output = inputs = inputs.detach().cpu().double().requires_grad_()
        state: Any = layers.zero_state(inputs[:, 0])
        for part in state.layers if isinstance(layers, RecurrentStack) else [state]:
            for values in part:
                values.requires_grad_()
        visited: list[CellState] = []
        for vectors in inputs.unbind(1):
            output, state = layers.step(vectors, state)
            visited.append(state.layers[-1] if isinstance(layers, RecurrentStack) else state)
        losses = loss(output)
        if losses.shape != inputs.shape[:1] or not losses.requires_grad:
            raise SettingsError(
                f"the loss of the last output must be one number for each of {inputs.shape[0]} "
                f"rows, and depend on it; it is of shape {tuple(losses.shape)}"
            )
        # A row's loss depends on its own states only, so the sum has the gradients of all rows.
        flows = [
            torch.autograd.grad(
                losses.sum(), part, retain_graph=True, allow_unused=True, materialize_grads=True
            )
            for part in zip(*visited, strict=True)
        ]
    norms = [torch.stack(flow).norm(dim=-1).mean(dim=-1).cpu() for flow in flows]
    return GradientFlow(norms[0], norms[1] if len(norms) > 1 else None)


def steps_back(length: int) -> list[int]:
    """Distances from the last step that a table shows, near ones first.

    >>> steps_back(30)
    [0, 1, 2, 5, 10, 20, 29]
    """
    powers = range(len(str(length)))
    shown = {factor * 10**power for power in powers for factor in DISTANCES}
    return sorted({0, length - 1, *(back for back in shown if back < length)})


def as_table(flows: Mapping[str, GradientFlow]) -> str:
    """Norms by the number of steps back from the last one, a column for each name; as lines."""
    shown = {
        label: norms for name, flow in flows.items() for label, norms in flow.by_name(name).items()
    }
    widths = {name: max(len(name), 9) for name in shown}
    header = "".join(f"  {name:>{width}}" for name, width in widths.items())
    lines = [f"steps back{header}"]
    longest = max((len(norms) for norms in shown.values()), default=1)
    for back in steps_back(longest):
        cells = [
            f"{float(norms[-1 - back]):{widths[name]}.2e}"
            if back < len(norms)
            else " " * widths[name]
            for name, norms in shown.items()
        ]
        lines.append("  ".join([f"{back:10,}", *cells]).rstrip())
    return "\n".join(lines)


def windows(rows: Sequence[Sequence[int]], steps: int, places: int) -> Tensor:
    """Windows that are spread evenly over a text, ids ``(at most places, steps + 1)``.

    Args:
        rows: what is read from a fresh state: the whole text, or each of its sentences.
        steps: the tokens that are read; the one after them is predicted.
        places: how many windows; all of them where there are fewer.

    Raises:
        DataError: no row is long enough.
    """
    chosen = spread_evenly([max(0, len(row) - steps) for row in rows], places)
    found = [
        row[start : start + steps + 1]
        for row, starts in zip(rows, chosen, strict=True)
        for start in starts
    ]
    if not found:
        longest = max(map(len, rows), default=0)
        raise DataError(
            f"{steps:,} steps need {steps + 1:,} tokens that are read in one go, and there are "
            f"{longest:,} at most (by a model of sentences: in one sentence): give more text, or "
            f"--steps {max(longest - 1, 1)} or fewer"
        )
    return torch.tensor(found)


def text_gradient_flow(network: LanguageNetwork, ids: Tensor) -> GradientFlow:
    """Computes the gradient flow from the loss of each window's last token.

    Each window of ids ``(windows, steps + 1)`` is read from a state of zeros; the network is left
    as it is. Norms are those at the states after each of the steps, averaged over the windows.
    """
    decoder: Any = copy.deepcopy(network.decoder).cpu().double().eval().requires_grad_(False)
    inputs = decoder.embedding(ids[:, :-1])
    state = decoder.init_state(decoder.stack.zero_state(inputs[:, 0].double()))

    def loss(output: Tensor) -> Tensor:
        """Returns the loss of each window, from the last output ``(windows, size)``."""
        logits = decoder.logits(decoder.pre_logits(output, state))
        return F.cross_entropy(logits, ids[:, -1], reduction="none")

    return gradient_flow(decoder.stack, inputs, loss)


def fresh_network(cell: str, size: int, vocab_size: int, seed: int) -> LanguageNetwork:
    """Builds a language model of one layer with random weights, from a seed.

    Its cell is named as for `--model.cell`; embedding and state are `size` wide.
    """
    settings: Any = {"cell": cell, "embedding_size": size, "sizes": (size,), "dropout": 0.0}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_language_model(vocab_size, LanguageModelSettings(**settings))
