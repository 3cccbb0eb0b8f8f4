"""What a translator does with attention: coverage, unknown words, pictures."""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
import torch

from seq2seq.config.data import DataSettings
from seq2seq.config.decoding import DecodingSettings
from seq2seq.config.experiment import Experiment
from seq2seq.config.model import ModelSettings
from seq2seq.data.parallel import Corpora
from seq2seq.data.tokenizers.base import TOKENIZERS
from seq2seq.data.tokenizers.pipeline import TextPipeline, build_pipeline
from seq2seq.data.vocabulary import SPECIAL_TOKENS, UNK_ID, Vocab
from seq2seq.decoding.hypothesis import Hypothesis
from seq2seq.models.translation import TranslationModel, build_translation_model
from seq2seq.runs.run import Run
from seq2seq.translation.ensemble import EnsembleMember
from seq2seq.translation.results import make_translations
from seq2seq.translation.train import train
from seq2seq.translation.translator import Translator

pytest.importorskip("seq2seq.models.attention")

TEXTS = ["We must eat.", "", "My sister is going to leave tomorrow.", "Zorglub eats 🦜."]


@pytest.fixture(scope="module")
def plain(trained: Path) -> Translator:
    return Translator.load(trained, "cpu")


def attentive(plain: Translator, trained: Path, seed: int, unk: float = 0.0) -> TranslationModel:
    """A model of random weights that has attention; the higher `unk`, the fewer words it knows."""
    settings = replace(Run(trained).experiment(Experiment).model, attention="additive")
    torch.manual_seed(seed)
    model = build_translation_model(len(plain.source.vocab), len(plain.target.vocab), settings)
    with torch.no_grad():
        for weight in model.parameters():
            weight *= 2
        model.decoder.output.bias[UNK_ID] += unk
    return model


@pytest.fixture(scope="module")
def translator(plain: Translator, trained: Path) -> Translator:
    model = attentive(plain, trained, 1, unk=6.0)
    return Translator(model, plain.source, plain.target, device="cpu")


@pytest.mark.parametrize("kinds", list(product(TOKENIZERS, repeat=2)), ids="-".join)
def test_what_replaces_an_unknown_word_is_text_of_the_source(kinds: tuple[str, str]) -> None:
    texts = ["we can’t eat, they said (twice)!", "they can eat", "twice"] * 5
    source, target = (
        build_pipeline(texts, DataSettings(tokenizer=kind), kind, 60).pipeline for kind in kinds
    )
    settings = ModelSettings(embedding_size=8, encoder_sizes=(8,), decoder_sizes=(8,))
    torch.manual_seed(1)
    model = build_translation_model(len(source.vocab), len(target.vocab), settings)
    with torch.no_grad():
        model.decoder.output.bias[UNK_ID] += 20.0
    translator = Translator(model, source, target, device="cpu")
    written = []
    for text in texts[:3]:
        (found,) = translator.candidates(
            text, 1, attention=True, replace_unknown=True, beam_size=1, max_length=3
        )
        written.append(found.text)
        assert set(found.text) <= {*text, " ", "\ufffd"}  # a token may be a part of a character
        assert target.tokenizer.detokenize(found.tokens) == found.text
        assert found.attention is not None
        assert len(found.attention) == len(found.tokens) + 1
    assert any(written)  # a single one may be of spaces, which are no text by themselves


def test_a_text_is_a_candidate_once_however_it_is_cut() -> None:
    pipeline = build_pipeline(["ab ba"], DataSettings(tokenizer="character"), "character", 9)
    vocab = Vocab([*SPECIAL_TOKENS, "a", "b", "ab"], [0] * 7)
    target = TextPipeline(pipeline.pipeline.tokenizer, vocab)
    hypotheses = [
        Hypothesis(vocab.ids(tokens), score, score)
        for tokens, score in ((["ab"], -1.0), (["b"], -2.0), (["a", "b"], -3.0))
    ]
    found = make_translations(
        hypotheses, (target, target), ["a"], [], DecodingSettings(), attention=False
    )
    assert [(each.text, each.score) for each in found] == [("ab", -1.0), ("b", -2.0)]


@pytest.mark.parametrize(
    "settings",
    [
        {"beam_size": 1},
        {"coverage_penalty": 0.3},
        {"replace_unknown": True, "beam_size": 3},
        {"method": "diverse-beam", "coverage_penalty": 0.3},
        {"method": "sample", "coverage_penalty": 0.3, "replace_unknown": True},
        {"method": "mbr", "samples": 4, "replace_unknown": True},
    ],
    ids=str,
)
def test_attention_is_there_if_asked_for_whatever_the_batch(
    translator: Translator, settings: dict[str, object]
) -> None:
    together = translator.candidates(TEXTS, attention=True, **settings)
    for text, candidates in zip(TEXTS, together, strict=True):
        [alone] = translator.candidates([text], attention=True, **settings)
        assert [each.tokens for each in alone] == [each.tokens for each in candidates]
        for one, other in zip(alone, candidates, strict=True):
            if not text:
                assert one.attention is None
                continue
            assert one.attention is not None
            assert len(one.attention) == len(one.tokens) + 1
            assert torch.allclose(
                torch.tensor(one.attention), torch.tensor(other.attention), atol=1e-5
            )
            for row in one.attention:
                assert len(row) == len(one.source_tokens) + 1
                assert sum(row) == pytest.approx(1.0, abs=1e-5)
    assert translator.candidates(TEXTS, **settings)[0][0].attention is None


def test_unknown_words_come_out_only_to_be_replaced(translator: Translator) -> None:
    for candidates in translator.candidates(TEXTS, replace_unknown=False):
        assert all("⁇" not in each.text for each in candidates)
    found = [row[0] for row in translator.candidates(TEXTS, replace_unknown=True)]
    copied = 0
    for candidate in found:
        assert "<unk>" not in candidate.tokens
        assert "⁇" not in candidate.text
        copied += len(set(candidate.tokens) & set(candidate.source_tokens))
    assert copied > 2


def test_an_ensemble_has_the_mean_attention(
    translator: Translator, plain: Translator, trained: Path
) -> None:
    other = attentive(plain, trained, 2)
    both = Translator(
        translator.model,
        plain.source,
        plain.target,
        device="cpu",
        others=[EnsembleMember(other, plain.source)],
    )
    second = Translator(other, plain.source, plain.target, device="cpu")
    text, prefix = TEXTS[0], "Nous devons"
    one, two, mean = (
        each.candidates(text, 1, prefix=prefix, attention=True, coverage_penalty=0.1)[0].attention
        for each in (translator, second, both)
    )
    assert one is not None
    assert two is not None
    assert mean is not None
    for place in range(2):  # as far as the prefix, they have written the same
        expected = (torch.tensor(one[place]) + torch.tensor(two[place])) / 2
        assert torch.allclose(torch.tensor(mean[place]), expected, atol=1e-5)


def test_pictures_of_attention(
    experiment: Callable[..., Experiment],
    letters: Corpora,
    tmp_path: Path,
    command: Callable[..., subprocess.CompletedProcess[bytes]],
) -> None:
    pytest.importorskip("matplotlib")
    described = experiment("run", max_steps=2)
    described = replace(described, model=replace(described.model, attention="general"))
    train(described, letters)
    folder = tmp_path / "deep" / "pictures"
    result = command(
        *("-m", "seq2seq", "translate", described.run, "--attention", folder),
        *("--device", "cpu"),
        input=b"a b c\n\nf e\n",
    )
    assert (result.returncode, result.stderr) == (0, b"")
    assert len(result.stdout.splitlines()) == 3
    assert sorted(path.name for path in folder.iterdir()) == ["00001.png", "00003.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in folder.iterdir())
    (tmp_path / "file").write_text("")
    result = command(
        *("-m", "seq2seq", "translate", described.run, "--attention", tmp_path / "file"),
        *("--device", "cpu"),
    )
    assert result.returncode == 2
    assert b"can't be made a folder" in result.stderr
