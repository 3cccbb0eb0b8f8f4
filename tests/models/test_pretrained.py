"""A translation model that begins with a language model's weights: the same function, at first."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from seq2seq.config.experiment import Experiment
from seq2seq.config.language_model import (
    LanguageDataSettings,
    LanguageExperiment,
    LanguageModelSettings,
)
from seq2seq.config.training import TrainingSettings
from seq2seq.data.parallel import Corpora
from seq2seq.errors import SettingsError
from seq2seq.language_modeling.loading import load_network
from seq2seq.language_modeling.task import TextSplits
from seq2seq.language_modeling.train import train_language_model
from seq2seq.models.language_model import LanguageNetwork, build_language_model
from seq2seq.models.pretrained import (
    NEW,
    TOKEN_WEIGHTS,
    initialize_decoder,
    initialize_encoder,
    initialize_from_model,
)
from seq2seq.models.translation import TranslationModel, build_translation_model
from seq2seq.runs.run import Run
from seq2seq.runs.tensors import load_tensors
from seq2seq.translation.train import train
from seq2seq.translation.translator import Translator

Build = Callable[..., TranslationModel]
TOKENS = torch.tensor([[1, 5, 7, 4], [1, 9, 6, 12]])
SOURCE, LENGTHS = torch.tensor([[4, 5, 2], [6, 7, 2]]), torch.tensor([3, 3])


def language(vocab_size: int = 13, **settings: object) -> LanguageNetwork:
    """A language model of the widths of `tiny_model`'s decoder."""
    sizes = {"embedding_size": 5, "sizes": (6,), "dropout": 0.0, "tied_output": False}
    network = build_language_model(vocab_size, LanguageModelSettings(**{**sizes, **settings}))
    with torch.no_grad():
        for weight in network.parameters():
            weight += 0.1 * torch.randn(weight.shape)
    return network.eval()


def predictions(model: TranslationModel | LanguageNetwork) -> torch.Tensor:
    """Log-probabilities ``(batch_size, length, vocab_size)`` from a state of zeros."""
    decoder = model.decoder
    state = decoder.init_state(decoder.stack.zero_state(torch.zeros(len(TOKENS), 1)))
    return decoder.logits(decoder.sequence(TOKENS, state)[0]).log_softmax(dim=-1)


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm", "jordan"])
@pytest.mark.parametrize("tied", [True, False])
def test_a_decoder_without_more_inputs_is_the_language_model(
    tiny_model: Build, cell: str, tied: bool
) -> None:
    model = tiny_model(cell=cell, context="initial", tied_output=tied)
    network = language(cell=cell, tied_output=tied)
    assert not torch.allclose(predictions(model), predictions(network))
    initialize_decoder(model.decoder, network, "lm")
    assert torch.equal(predictions(model), predictions(network))


def test_further_inputs_keep_their_weights(tiny_model: Build) -> None:
    """Where what is new is zero, the language model is left."""
    model = tiny_model(cell="lstm", attention="general", input_feeding=True)
    network = language(cell="lstm")
    kernel = model.decoder.stack.cells[0].kernel
    before = kernel.weight_ih_l0[:, 5:].clone()
    initialize_decoder(model.decoder, network, "lm")
    assert before.shape[1] > 0
    assert torch.equal(kernel.weight_ih_l0[:, 5:], before)
    state = model.start(SOURCE, LENGTHS)
    with torch.no_grad():
        kernel.weight_ih_l0[:, 5:] = 0
        model.decoder.readout.weight[:, 6:] = 0
    zeros = model.decoder.stack.zero_state(torch.zeros(2, 1))
    features, _ = model.decoder.sequence(TOKENS, state._replace(recurrent=zeros))
    torch.testing.assert_close(
        model.decoder.logits(features).log_softmax(dim=-1), predictions(network)
    )


def test_an_encoder_reads_forwards_as_the_language_model(tiny_model: Build) -> None:
    model = tiny_model(cell="gru")
    network = language(vocab_size=11, sizes=(4,), cell="gru")
    initialize_encoder(model.encoder, network, "lm")
    encoded = model.encoder(SOURCE, LENGTHS)
    embedded = network.decoder.embedding(SOURCE)
    zeros = network.decoder.stack.zero_state(torch.zeros(2, 1))
    outputs, _ = network.decoder.stack.sequence(embedded, zeros)
    torch.testing.assert_close(encoded.memory[..., :4], outputs)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sizes": (7,)}, "layers are GRUCell 7, the decoder's are GRUCell 6"),
        ({"sizes": (6, 6)}, "layers are GRUCell 6, GRUCell 6"),
        ({"cell": "lstm"}, "layers are LSTMCell 6"),
        ({"embedding_size": 6}, "set --model.embedding-size"),
        ({"embedding": "one-hot", "tied_output": False}, "set --model.embedding as"),
    ],
)
def test_other_widths_are_refused(
    tiny_model: Build, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        initialize_decoder(tiny_model(context="initial").decoder, language(**settings), "lm")


@pytest.mark.slow
def test_a_run_begins_with_the_weights_of_runs(
    experiment: Callable[..., Experiment], letters: Corpora, tmp_path: Path
) -> None:
    """And with their vocabularies; it translates when those runs are gone."""
    lines = letters.train.sources
    for name, size in (("source-lm", 8), ("target-lm", 16)):
        described = LanguageExperiment(
            run=str(tmp_path / name),
            device="cpu",
            data=LanguageDataSettings(tokenizer="word", windows="sentences"),
            model=LanguageModelSettings(embedding_size=8, sizes=(size,), dropout=0.0),
            training=TrainingSettings(max_steps=3, best_by="perplexity", label_smoothing=0.0),
        )
        train_language_model(described, TextSplits(lines, letters.validation.sources))
    base = experiment(max_steps=1, learning_rate=1e-9)
    model = replace(
        base.model,
        initialize_encoder=str(tmp_path / "source-lm"),
        initialize_decoder=str(tmp_path / "target-lm"),
    )
    train(replace(base, model=model, data=replace(base.data, tokenizer="unigram")), letters)
    weights, _ = load_tensors(tmp_path / "run" / "best.safetensors")
    network = load_network(Run(tmp_path / "target-lm")).network
    torch.testing.assert_close(
        weights["decoder.embedding.weight"], network.decoder.embedding.weight.detach()
    )
    vocab = "text.vocab.json"
    for side in ("source", "target"):
        own = (tmp_path / "run" / f"{side}.vocab.json").read_bytes()
        assert own == (tmp_path / f"{side}-lm" / vocab).read_bytes()
        (tmp_path / f"{side}-lm" / vocab).unlink()
    assert isinstance(Translator.load(tmp_path / "run").translate("a b c"), str)


def test_a_run_whose_tokenizer_would_break_a_symbol_is_refused(
    experiment: Callable[..., Experiment], letters: Corpora, tmp_path: Path
) -> None:
    described = LanguageExperiment(
        run=str(tmp_path / "lm"),
        device="cpu",
        data=LanguageDataSettings(
            tokenizer="word", windows="sentences", special_symbols=("<a>", "<b>")
        ),
        model=LanguageModelSettings(embedding_size=8, sizes=(8,), dropout=0.0),
        training=TrainingSettings(max_steps=1, best_by="perplexity", label_smoothing=0.0),
    )
    train_language_model(described, TextSplits(letters.train.sources, letters.validation.sources))
    base = experiment(max_steps=1)
    model = replace(base.model, initialize_encoder=described.run)
    data = replace(base.data, special_symbols=("<a>",))
    train(replace(base, model=model, data=data), letters)
    data = replace(base.data, special_symbols=("<a>", "<c>"))
    with pytest.raises(SettingsError, match=r"--model.initialize-encoder .* would break <c>"):
        train(replace(base, model=model, data=data, run=str(tmp_path / "other")), letters)
    assert not (tmp_path / "other" / "experiment.json").exists()


def test_white_space_that_a_language_model_keeps_is_none_of_a_sentence(
    experiment: Callable[..., Experiment], letters: Corpora, tmp_path: Path
) -> None:
    described = LanguageExperiment(
        run=str(tmp_path / "lm"),
        device="cpu",
        data=LanguageDataSettings(tokenizer="character", windows="sentences"),
        model=LanguageModelSettings(embedding_size=8, sizes=(8,), dropout=0.0),
        training=TrainingSettings(max_steps=1, best_by="perplexity", label_smoothing=0.0),
    )
    lines = [f"\t{line}" for line in letters.train.sources]
    train_language_model(described, TextSplits(lines, lines[:20]))
    assert Run(described.run).pipeline("text").tokenizer.tokenize("\ta ") == ["\t", "a", "▁"]
    base = experiment(max_steps=1)
    train(replace(base, model=replace(base.model, initialize_encoder=described.run)), letters)
    assert Run(base.run).pipeline("source").tokenizer.tokenize("\ta ") == ["a"]
    assert Translator.load(base.run, "cpu").translate("  \t") == ""


def test_what_a_borrowed_vocabulary_leaves_without_effect_is_refused() -> None:
    described = Experiment()
    with pytest.raises(SettingsError, match=r"--data.target-vocab-size 100 has no effect"):
        replace(
            described,
            data=replace(described.data, target_vocab_size=100),
            model=replace(described.model, initialize_decoder="lm"),
        )
    with pytest.raises(SettingsError, match="leave one of them out"):
        replace(
            described,
            data=replace(described.data, joint=True),
            model=replace(described.model, initialize_encoder="lm"),
        )


def test_tokens_that_both_have_keep_their_rows_and_others_are_like_them(tiny_model: Build) -> None:
    """Of embeddings, of the output layer and its bias; what has no rows of tokens is as it was."""
    parent, model = tiny_model(), tiny_model()
    target = [*range(4), *range(12, 3, -1)]  # in another order
    wide = build_translation_model(11, len(target) + 1000, parent.settings)
    ids = {"source": list(range(11)), "target": [*target, *[NEW] * 1000]}
    names = initialize_from_model(wide, parent, "parent", ids=ids)
    given, found = dict(parent.named_parameters()), dict(wide.named_parameters())
    assert names == [*found]
    for name, weight in found.items():
        if TOKEN_WEIGHTS.get(name) == "target":
            assert torch.equal(weight[: len(target)], given[name][target])
            old, new = given[name][1:], weight[len(target) :]
            torch.testing.assert_close(new.mean(0), old.mean(0), atol=0.1, rtol=0)
            torch.testing.assert_close(new.std(0), old.std(0, correction=0), atol=0.1, rtol=0)
        else:
            assert torch.equal(weight, given[name])
    assert initialize_from_model(model, parent, "parent", part="encoder.") == [
        name for name in given if name.startswith("encoder.")
    ]
    with pytest.raises(SettingsError, match=r"parent can't be the beginning of this model: dec"):
        initialize_from_model(wide, parent, "parent")
