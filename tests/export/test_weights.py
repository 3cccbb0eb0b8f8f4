"""int8: rounded as the formula says, in exact sums, and the same for a sentence in any batch."""

import numpy as np
import onnxruntime
import pytest
import torch

from seq2seq.export.graph import Graph
from seq2seq.export.weights import linear, look_up
from tests.support.exports import every_exported_attention, every_exported_cell, exported
from tests.support.models import (
    SOURCES,
    Build,
    attentive,
)

GENERATOR = np.random.default_rng(1)
WEIGHT = GENERATOR.standard_normal((7, 300)).astype(np.float32)
WEIGHT[3] = 0
WEIGHT[4] *= 1e4
BIAS = GENERATOR.standard_normal(7).astype(np.float32)
INPUTS = GENERATOR.standard_normal((5, 2, 300)).astype(np.float32)
INPUTS[1] *= 1e-3
INPUTS[2, 0] = 0


def rounded(values: np.ndarray, largest: int) -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers and a scale for each row, by the formula."""
    scale = np.maximum(np.abs(values).max(-1, keepdims=True), np.float32(1e-30)) / largest
    return np.rint(values / scale), scale


def computed(graph: Graph, **inputs: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(graph.serialize())
    (found,) = session.run(None, inputs)
    return np.asarray(found)


def test_a_product_is_the_formula() -> None:
    graph = Graph("product", int8=True)
    inputs = graph.input("x", 3)
    graph.output("y", linear(inputs, torch.tensor(WEIGHT), torch.tensor(BIAS)), 3)
    (weight, weight_scale), (values, scale) = rounded(WEIGHT, 64), rounded(INPUTS, 127)
    expected = values @ weight.T * scale * weight_scale[:, 0] + BIAS
    found = computed(graph, x=INPUTS)
    assert np.allclose(found, expected, rtol=1e-5, atol=1e-5)
    for row in range(len(INPUTS)):  # exact, so that a row does not depend on the others
        assert np.array_equal(computed(graph, x=INPUTS[row : row + 1])[0], found[row])
    exact = INPUTS @ WEIGHT.T + BIAS
    assert (np.abs(found - exact).max((0, 1)) <= 0.05 * np.abs(exact).max((0, 1))).all()


def test_a_vector_that_is_looked_up_is_the_formula() -> None:
    graph = Graph("look up", int8=True)
    graph.output("y", look_up(torch.tensor(WEIGHT), graph.input("x", 2, 7)), 3)
    numbers, scale = rounded(WEIGHT, 64)
    ids = np.array([[1, 3], [6, 4]])
    assert np.allclose(computed(graph, x=ids), (numbers * scale)[ids], rtol=1e-6)


def check_alone(model: torch.nn.Module) -> None:
    """Takes two steps of each sentence in a batch, and alone."""
    graphs = exported(model, int8=True)
    rows = [[*source, 3] for source in SOURCES]
    longest = max(map(len, rows))
    source = np.array([row + [0] * (longest - len(row)) for row in rows])
    lengths = np.array([*map(len, rows)])
    wanted = np.arange(13)[None]

    def two_steps(source: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        state, count = graphs.start(source, lengths), len(source)
        for token in (2, 6):
            tokens = np.full(count, token)
            found, state = graphs.step(tokens, state, wanted.repeat(count, 0), count=1)
        return found.wanted

    together = two_steps(source, lengths)
    for row, length in enumerate(lengths):
        alone = two_steps(source[row : row + 1, :length], lengths[row : row + 1])
        assert np.allclose(alone[0], together[row], atol=1e-5)


@every_exported_cell
def test_a_sentence_alone_gives_what_it_gives_in_a_batch(tiny_model: Build, cell: str) -> None:
    check_alone(attentive(tiny_model, cell=cell, lexical=True).float())


@every_exported_attention
def test_so_does_one_with_every_attention(tiny_model: Build, attention: str) -> None:
    check_alone(attentive(tiny_model, attention=attention, coverage=True, input_feeding=True))


def test_rounded_weights_say_nearly_the_same(tiny_model: Build) -> None:
    model = attentive(tiny_model, encoder_sizes=(64,), decoder_sizes=(128,), embedding_size=32)
    source, lengths = np.array([[4, 5, 6, 3]]), np.array([4])
    every, found = np.arange(13)[None], []
    for int8 in (False, True):
        graphs = exported(model, int8=int8)
        state = graphs.start(source, lengths)
        found.append(graphs.step(np.array([2]), state, every, count=1)[0].wanted)
    assert 1e-6 < np.abs(found[1] - found[0]).max() < 0.05


def test_int8_takes_a_quarter(tiny_model: Build) -> None:
    from seq2seq.export.decoder import write_step

    model = tiny_model(decoder_sizes=(256,), tied_output=True)
    sizes = [len(write_step(model, int8=int8).serialize()) for int8 in (True, False)]
    assert sizes[0] < 0.3 * sizes[1]


def test_numbers_that_have_no_size_have_a_scale(tiny_model: Build) -> None:
    model = tiny_model()
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
    graphs = exported(model, int8=True)
    state = graphs.start(np.array([[4, 3]]), np.array([2]))
    found, _ = graphs.step(np.array([2]), state, np.arange(13)[None], count=2)
    assert found.wanted == pytest.approx(np.full((1, 13), -np.log(13)))
