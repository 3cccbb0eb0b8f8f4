"""What training hides: where each mask falls, that it stays for a sentence, that it then goes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from seq2seq.data.batching import make_batch
from seq2seq.decoding.interface import select_rows
from seq2seq.models.cells.registry import CELLS
from seq2seq.models.decoder import DecoderState
from seq2seq.models.dropout import NO_DROPOUT, Dropout, WordDropout
from seq2seq.models.encoder import Encoder, LearnedEmbedding
from seq2seq.models.rnn import EncoderStack, Regularization
from seq2seq.models.translation import TranslationModel
from seq2seq.runs.checkpoint import load_weights, named_weights
from seq2seq.runs.tensors import load_tensors, save_tensors
from tests.support.models import drops_state, drops_weights

Build = Callable[..., TranslationModel]
BATCH = make_batch([[4, 5, 6], [7, 8, 4, 9, 10], [5, 5]], [[6, 7, 6, 8], [4], [11, 10, 11]])
RATES = {"dropout": 0.3, "word_dropout": 0.2, "state_dropout": 0.4, "weight_dropout": 0.25}
LOCKED = {"locked_dropout": True, **RATES}

every_cell = pytest.mark.parametrize("cell", CELLS)


def everything(cell: str) -> dict[str, Any]:
    """All that such a cell takes."""
    return {
        **LOCKED,
        "zoneout": 0.2,
        "state_dropout": RATES["state_dropout"] * drops_state(cell),
        "weight_dropout": RATES["weight_dropout"] * drops_weights(cell),
    }


def start(model: TranslationModel) -> DecoderState:
    return model.start(BATCH.source, BATCH.source_lengths)


def logits(model: TranslationModel) -> torch.Tensor:
    return model(BATCH.source, BATCH.source_lengths, BATCH.target_input)


def masks(state: DecoderState) -> Iterator[tuple[float, torch.Tensor]]:
    """All that is hidden from a batch, each with its rate."""
    rates = [RATES["word_dropout"], *[RATES["dropout"]] * 3]
    yield from zip(rates, state.masks, strict=True)
    rates = [RATES["dropout"], RATES["state_dropout"], RATES["weight_dropout"]]
    for layer in state.recurrent.masks:
        for rate, hidden in zip(rates, layer, strict=True):
            if hidden is not None:
                yield rate, hidden


# Masks by themselves.


def test_a_locked_mask_stays_for_a_sentence_and_no_longer() -> None:
    dropout = Dropout(0.25, locked=True)
    values = torch.ones(4, 6, 1000)
    hidden = dropout.sample_masks(1000, values)
    dropped = dropout(values, hidden)
    for step in range(6):
        assert torch.equal(dropped[:, step], dropped[:, 0])
        assert torch.equal(dropout(values[:, step], hidden), dropped[:, 0])  # by steps, too
    assert dropped.unique().tolist() == pytest.approx([0, 4 / 3])
    torch.testing.assert_close(dropped.mean(dim=-1), torch.ones(4, 6), rtol=0, atol=0.1)
    other = dropout(values, dropout.sample_masks(1000, values))
    rows = torch.cat([dropped[:, 0], other[:, 0]])
    assert len(rows.unique(dim=0)) == 8  # each sentence and each batch has its own


def test_plain_dropout_draws_anew_at_every_step() -> None:
    dropout = Dropout(0.25)
    values = torch.ones(4, 6, 1000)
    assert dropout.sample_masks(1000, values) is None
    dropped = dropout(values)
    assert len(dropped.flatten(0, 1).unique(dim=0)) == 24
    torch.testing.assert_close(dropped.mean(dim=-1), torch.ones(4, 6), rtol=0, atol=0.1)


@pytest.mark.parametrize("dropout", [Dropout(0.5, locked=True), WordDropout(0.5)])
def test_no_mask_is_drawn_in_evaluation(dropout: Any) -> None:
    values = torch.ones(4, 1000)
    assert dropout.train().sample_masks(1000, values) is not None
    assert dropout.eval().sample_masks(1000, values) is None


def test_a_dropped_word_is_dropped_wherever_it_stands_in_its_sentence() -> None:
    dropout = WordDropout(0.25)
    ids = torch.randint(1000, (4, 5000))
    hidden = dropout.sample_masks(1000, ids)
    dropped = dropout(torch.ones(4, 5000, 3), ids, hidden)
    assert dropped.unique().tolist() == pytest.approx([0, 4 / 3])
    assert torch.equal(dropped.amin(-1), dropped.amax(-1))  # all of a word's vector
    for row in range(4):
        for word in ids[row, :50]:
            assert len(dropped[row, ids[row] == word].unique()) == 1
    torch.testing.assert_close(hidden.mean(-1), torch.ones(4), rtol=0, atol=0.1)
    assert len(hidden.unique(dim=0)) == 4  # each sentence has its own
    by_steps = [dropout(torch.ones(4, 3), ids[:, step], hidden) for step in range(20)]
    assert torch.equal(torch.stack(by_steps, dim=1), dropped[:, :20])


# In the encoder. Elman cells without recurrent weights give equal outputs for equal inputs.


def forgetful(stack: EncoderStack) -> EncoderStack:
    """The stack with nothing that goes from step to step."""
    for name, weight in stack.named_parameters():
        if "weight_hh" in name:
            torch.nn.init.zeros_(weight)
    return stack


def outputs(encoder: Encoder, source: list[list[int]]) -> torch.Tensor:
    ids = torch.tensor(source)
    return encoder(ids, torch.full((len(ids),), ids.shape[1])).memory


@pytest.mark.parametrize("locked", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("place", ["embedded", "between layers"])
def test_the_encoder_locks_what_it_drops(place: str, bidirectional: bool, locked: bool) -> None:
    between = Regularization(0.5 if place == "between layers" else 0.0, locked)
    stack = EncoderStack("elman", 30, (30, 30), between, bidirectional=bidirectional)
    embedded = Regularization(0.5 if place == "embedded" else 0.0, locked)
    encoder = Encoder(LearnedEmbedding(8, 30), forgetful(stack), embedded)
    memory = outputs(encoder, [[4] * 5, [4] * 5])
    for row in memory:
        assert all(torch.allclose(step, row[0]) == locked for step in row[1:])
    assert not torch.allclose(memory[0], memory[1])  # each sentence has its own
    assert not torch.allclose(outputs(encoder, [[4] * 5, [4] * 5]), memory)  # and each batch
    memory = outputs(encoder.eval(), [[4] * 5, [4] * 5])
    torch.testing.assert_close(memory, memory[:1, :1].expand_as(memory))


def test_the_encoder_drops_words() -> None:
    stack = forgetful(EncoderStack("elman", 5, (4,)))
    encoder = Encoder(LearnedEmbedding(40, 5), stack, Regularization(words=0.5))
    words = list(range(4, 40))
    memory = outputs(encoder, [words + words, words + words])
    torch.testing.assert_close(memory[:, :36], memory[:, 36:])
    dropped = (memory == 0).all(dim=-1)  # a cell without inputs: biases start at 0
    assert not torch.equal(dropped[0], dropped[1])
    assert 10 < dropped[0, :36].sum() < 26


@every_cell
@pytest.mark.parametrize("rates", [{"state": 0.5}, {"weights": 0.5}, {"zoneout": 0.5}])
def test_the_encoder_hides_state_and_weights_in_both_directions(
    cell: str, rates: dict[str, float]
) -> None:
    if "weights" in rates and not drops_weights(cell):
        pytest.skip("it has no recurrent weight matrix, and refuses weight dropout")
    if "state" in rates and not drops_state(cell):
        pytest.skip("it multiplies its state with no weights, and refuses state dropout")
    stack = EncoderStack(cell, 5, (6,), Regularization(**rates))
    with torch.no_grad():  # whatever a cell starts with, what is hidden makes a difference
        for weight in stack.parameters():
            weight.copy_(0.5 * torch.randn(weight.shape))
    inputs, lengths = torch.randn(2, 7, 5), torch.tensor([7, 4])
    plain = EncoderStack(cell, 5, (6,))
    plain.load_state_dict(stack.state_dict())
    expected = plain.sequence(inputs, lengths)[0].view(2, 7, 2, 6)
    found = stack.sequence(inputs, lengths)[0].view(2, 7, 2, 6)
    for direction in range(2):
        assert not torch.allclose(found[:, :, direction], expected[:, :, direction])
    assert not found[1, 4:].any()  # pads stay zero
    first = found[:, 0, 0], expected[:, 0, 0]  # there is nothing to hide of a zero state
    assert torch.allclose(*first) == ("zoneout" not in rates)


# In the decoder, whose masks lie in its state.


def regularized(tiny_model: Build, **settings: object) -> TranslationModel:
    """A training model in float64 with two layers and every mask there is."""
    sizes = {"decoder_sizes": (7, 8), "attention_size": 8}
    rates = everything(str(settings.get("cell", "gru")))
    return tiny_model(**{**sizes, **rates, "zoneout": 0.0, **settings}).double().train()


def test_all_masks_are_drawn_for_a_batch_and_keep_the_mean(tiny_model: Build) -> None:
    model = regularized(tiny_model, decoder_sizes=(70, 80), embedding_size=60)
    one, other = list(masks(start(model))), list(masks(start(model)))
    # words, embedded, outputs, features; of two layers states and weights, and inputs of one
    assert len(one) == 4 + 2 * 2 + 1
    for (rate, hidden), (_, next_hidden) in zip(one, other, strict=True):
        assert hidden.unique().tolist() == pytest.approx([0, 1 / (1 - rate)])
        if hidden.numel() > 100:
            assert hidden.mean().item() == pytest.approx(1, abs=0.2)
        assert not torch.equal(hidden, next_hidden)  # each batch has its own
        assert len(hidden.unique(dim=0)) == len(hidden)  # and each sentence
    assert [hidden.shape[1] for _, hidden in one[:4]] == [13, 60, 80, 60]
    assert start(model.eval()).masks == (None,) * 4
    assert set(start(model).recurrent.masks) == {NO_DROPOUT}


def zeroed(noise: Any, name: str) -> Any:
    """The masks with one of them all zeros: it hides everything."""
    assert getattr(noise, name) is not None
    return noise._replace(**{name: torch.zeros_like(getattr(noise, name))})


def test_each_mask_of_the_decoder_hides_what_it_is_named_after(tiny_model: Build) -> None:
    model = regularized(tiny_model)
    decoder, state = model.decoder, start(model)
    tokens, others = torch.tensor([4, 5, 6]), torch.tensor([7, 8, 9])

    def found(tokens: torch.Tensor, name: str) -> torch.Tensor:
        return decoder.step_hidden(tokens, state._replace(masks=zeroed(state.masks, name)))[0]

    shown = (decoder.step_hidden(each, state)[0] for each in (tokens, others))
    assert not torch.allclose(*shown)
    for name in ("words", "embedded"):
        torch.testing.assert_close(found(tokens, name), found(others, name))
    constant = torch.tanh(decoder.readout.bias) * state.masks.pre_logits
    torch.testing.assert_close(found(tokens, "outputs"), constant)
    assert not found(tokens, "pre_logits").any()


@pytest.mark.parametrize(
    ("hider", "name", "hidden"),
    [(0, "state", 0), (1, "state", 1), (0, "weights", 0), (1, "weights", 1), (1, "inputs", 0)],
)
def test_each_mask_of_a_layer_hides_a_state(
    tiny_model: Build, hider: int, name: str, hidden: int
) -> None:
    """Its own from itself, or by its inputs that of the layer below."""
    model = regularized(tiny_model, cell="elman")  # where a state is seen in one product only
    stack, before = model.decoder.stack, start(model).recurrent
    assert before.masks[0].inputs is None  # embedded inputs are dropped already
    layers = list(before.layers)
    layers[hidden] = stack.zero_state(layers[0][0]).layers[hidden]
    inputs = torch.randn(3, stack.sizes[0], dtype=torch.float64)
    noise = list(before.masks)
    noise[hider] = zeroed(noise[hider], name)

    def found(**changes: Any) -> torch.Tensor:
        return stack.step(inputs, before._replace(**changes))[0]

    expected = found(layers=tuple(layers), masks=tuple(noise))
    torch.testing.assert_close(found(masks=tuple(noise)), expected)
    assert not torch.allclose(found(), found(layers=tuple(layers)))


@pytest.mark.slow
@every_cell
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"context_to_output": True, "residual": True, "decoder_sizes": (8, 8)},
        {"attention": "general"},
        {"attention": "additive", "attention_order": "bahdanau", "coverage": True},
        {"attention": "dot", "input_feeding": True, "lexical": True},
    ],
)
def test_a_sequence_equals_its_steps_under_the_same_masks(
    tiny_model: Build, cell: str, settings: dict[str, Any]
) -> None:
    model = regularized(tiny_model, cell=cell, **settings)
    first = state = start(model)
    expected = model.decoder.sequence(BATCH.target_input, state)[0]
    for position, tokens in enumerate(BATCH.target_input.unbind(1)):
        found, state = model.decoder.step_hidden(tokens, state)
        torch.testing.assert_close(found, expected[:, position])
    assert state.masks is first.masks
    assert state.recurrent.masks is first.recurrent.masks
    torch.testing.assert_close(model.decoder.sequence(BATCH.target_input, first)[0], expected)
    assert not torch.allclose(model.decoder.sequence(BATCH.target_input, start(model))[0], expected)


@every_cell
def test_selected_rows_keep_their_masks(tiny_model: Build, cell: str) -> None:
    model = regularized(tiny_model, cell=cell, attention="general", input_feeding=True)
    state = start(model)
    tokens, rows = torch.tensor([4, 5, 6]), torch.tensor([2, 0, 2, 1])
    expected, after = model.decoder.step_hidden(tokens, state)
    found, found_after = model.decoder.step_hidden(tokens[rows], select_rows(state, rows))
    torch.testing.assert_close(found, expected[rows])
    torch.testing.assert_close(found_after, select_rows(after, rows))
    for (_, chosen), (_, hidden) in zip(masks(found_after), masks(state), strict=True):
        per_sentence = len(hidden) == 3
        assert torch.equal(chosen, hidden[rows] if per_sentence else hidden)


# The model as a whole.


@every_cell
def test_with_everything_off_training_computes_what_evaluation_does(
    tiny_model: Build, cell: str
) -> None:
    model = tiny_model(cell=cell, decoder_sizes=(6, 6), attention="general")
    assert torch.equal(logits(model.train()), logits(model.eval()))


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"dropout": 0.3},
        {"dropout": 0.3, "locked_dropout": True},
        {"word_dropout": 0.4},
        {"state_dropout": 0.3},
        {"weight_dropout": 0.3},
        {"zoneout": 0.3},
        None,
    ],
)
@every_cell
def test_each_option_acts_in_training_and_evaluation_is_certain(
    tiny_model: Build, cell: str, settings: dict[str, Any] | None
) -> None:
    settings = everything(cell) if settings is None else settings
    if settings.get("weight_dropout") and not drops_weights(cell):
        pytest.skip("it has no recurrent weight matrix, and refuses weight dropout")
    if settings.get("state_dropout") and not drops_state(cell):
        pytest.skip("it multiplies its state with no weights, and refuses state dropout")
    model = tiny_model(cell=cell, encoder_sizes=(4, 4), **settings)
    expected = logits(model)
    assert torch.equal(logits(model), expected)
    plain = tiny_model(cell=cell, encoder_sizes=(4, 4))
    plain.load_state_dict(model.state_dict())  # no option has weights of its own
    # Zoneout is a part of the model: each unit moves by what it moves on average.
    assert torch.allclose(logits(plain), expected) == ("zoneout" not in settings)
    model.train()
    one, other = logits(model), logits(model)
    assert not torch.allclose(one, expected)
    assert not torch.allclose(one, other)
    torch.testing.assert_close(logits(model.eval()), expected)


@every_cell
def test_a_model_with_dropped_weights_is_saved_and_loaded_whole(
    tiny_model: Build, cell: str, tmp_path: Path
) -> None:
    model = tiny_model(cell=cell, **everything(cell))
    expected = logits(model)
    before = {name: weight.clone() for name, weight in named_weights(model).items()}
    logits(model.train()).sum().backward()
    assert before.keys() == named_weights(model).keys()
    assert all(torch.equal(weight, before[name]) for name, weight in named_weights(model).items())
    save_tensors(tmp_path / "weights", named_weights(model), None)
    other = tiny_model(cell=cell, **everything(cell))
    assert not torch.allclose(logits(other), expected)
    load_weights(other, load_tensors(tmp_path / "weights")[0], tmp_path / "weights")
    torch.testing.assert_close(logits(other), expected)
    torch.manual_seed(3)
    dropped = logits(model)
    torch.manual_seed(3)
    assert torch.equal(logits(other.train()), dropped)


@pytest.mark.slow
@every_cell
def test_a_gradient_reaches_every_weight_under_all_masks(tiny_model: Build, cell: str) -> None:
    model = regularized(tiny_model, cell=cell, attention="general", zoneout=0.2)
    for _ in range(20):  # what is hidden once is seen another time
        logits(model)[..., 4].sum().backward()
    for name, weight in model.named_parameters():
        if cell == "echo-state" and "kernel" in name:  # a reservoir does not learn
            assert weight.grad is None, name
            continue
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name
        if "embedding" not in name and "output" not in name:
            assert weight.grad.ne(0).float().mean() > 0.9, name
