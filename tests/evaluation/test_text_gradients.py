"""Gradient flow on a text: states handed in one by one, and windows against enumeration."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.config.language_model import LanguageModelSettings
from seq2seq.errors import DataError
from seq2seq.evaluation.gradient_flow import fresh_network, text_gradient_flow, windows
from seq2seq.models.cells.registry import CELLS
from seq2seq.models.language_model import LanguageNetwork, build_language_model

ROWS = st.lists(st.lists(st.integers(0, 9), max_size=9), max_size=5)


@given(rows=ROWS, steps=st.integers(1, 4), places=st.integers(1, 60))
def test_windows_are_spread_over_the_text(rows: list[list[int]], steps: int, places: int) -> None:
    every = [row[at : at + steps + 1] for row in rows for at in range(len(row) - steps)]
    if not every:
        with pytest.raises(DataError, match=f"{steps} steps need {steps + 1} tokens"):
            windows(rows, steps, places)
        return
    found = windows(rows, steps, places).tolist()
    assert len(found) == min(places, len(every))
    assert found == [every[place * len(every) // len(found)] for place in range(len(found))]


def norms_by_hand(network: LanguageNetwork, ids: torch.Tensor) -> list[float]:
    """The mean norm of the gradient at h of the top layer, after each step.

    The state after a step is handed in anew, and the rest of the window is read from it.
    """
    network = network.double().eval()
    inputs, targets = ids[:, :-1], ids[:, -1]
    norms = []
    for step in range(1, inputs.shape[1] + 1):
        state = network.start(len(ids))
        _, state = network.decoder.sequence(inputs[:, :step], state)
        layers = [tuple(part.detach() for part in layer) for layer in state.recurrent.layers]
        layers[-1] = tuple(part.requires_grad_() for part in layers[-1])
        state = network.state_from_layers(tuple(layers))
        if step < inputs.shape[1]:
            features, _ = network.decoder.sequence(inputs[:, step:], state)
            features = features[:, -1]
        else:
            # Of all cells here, h is the output.
            features = network.decoder.pre_logits(layers[-1][0], state)
        loss = F.cross_entropy(network.decoder.logits(features), targets, reduction="none")
        (gradient,) = torch.autograd.grad(loss.sum(), layers[-1][0])
        norms.append(float(gradient.norm(dim=-1).mean()))
    return norms


@pytest.mark.parametrize("cell", ["elman", "elman-relu", "leaky", "gru", "lstm", "lstm-norm"])
@pytest.mark.parametrize("sizes", [(5,), (4, 6)])
def test_each_norm_is_that_of_a_state_handed_in(cell: Any, sizes: tuple[int, ...]) -> None:
    settings = LanguageModelSettings(
        cell=cell, embedding_size=6, sizes=sizes, dropout=0.5, tied_output=False
    )
    network = build_language_model(11, settings)
    with torch.no_grad():
        for weight in network.parameters():
            weight += 0.4 * torch.randn(weight.shape)
    network.train()
    before = {name: weight.clone() for name, weight in network.named_parameters()}
    ids = torch.randint(0, 11, (3, 6))
    flow = text_gradient_flow(network, ids)
    assert network.training
    for name, weight in network.named_parameters():
        assert torch.equal(weight, before[name])
    assert flow.hidden.tolist() == pytest.approx(norms_by_hand(network, ids), rel=1e-6, abs=1e-12)
    assert (flow.memory is not None) == cell.startswith("lstm")
    if flow.memory is not None:  # what arrives there is tested with the cells
        assert flow.memory.shape == flow.hidden.shape
        assert (flow.memory > 0).all()


def test_one_hot_inputs() -> None:
    settings = LanguageModelSettings(
        cell="gru", embedding="one-hot", embedding_size=7, sizes=(5,), tied_output=False
    )
    flow = text_gradient_flow(build_language_model(7, settings), torch.randint(0, 7, (2, 4)))
    assert flow.hidden.shape == (3,)
    assert (flow.hidden > 0).all()


@pytest.mark.parametrize("cell", CELLS)
def test_fresh_networks_are_those_of_their_seed(cell: str) -> None:
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    one, same, other = (fresh_network(cell, 6, 9, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    ids = torch.randint(0, 9, (2, 5))
    norms = [text_gradient_flow(network, ids).hidden.tolist() for network in (one, same, other)]
    assert norms[0] == norms[1] != norms[2]
