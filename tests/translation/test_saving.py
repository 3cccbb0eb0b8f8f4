"""A model that was made in Python becomes a run like any other."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from seq2seq.cli.main import main
from seq2seq.config.data import DataSettings
from seq2seq.config.model import ModelSettings
from seq2seq.data.tokenizers.pipeline import build_pipeline
from seq2seq.errors import RunError, SettingsError
from seq2seq.models.translation import TranslationModel, build_translation_model
from seq2seq.translation.translator import Translator

SMALL = ModelSettings(embedding_size=8, encoder_sizes=(8,), decoder_sizes=(8,))
TEXTS = ["we can eat", "they can’t sleep", "we sleep twice", "eat"]


def make(settings: ModelSettings = SMALL, kinds: tuple[str, str] = ("bpe", "word")) -> Translator:
    torch.manual_seed(1)
    sides = [build_pipeline(TEXTS, DataSettings(), kind, 40).pipeline for kind in kinds]
    model = build_translation_model(*(len(side.vocab) for side in sides), settings)
    with torch.no_grad():
        for weight in model.parameters():
            weight *= 3
    return Translator(model, *sides, device="cpu")


@pytest.mark.parametrize(
    ("settings", "kinds"),
    [
        (SMALL, ("unigram", "word")),
        (replace(SMALL, attention="none", context="both", cell="gru"), ("space", "character")),
        (replace(SMALL, shared_embedding=True), ("bpe", "bpe")),
    ],
)
def test_a_saved_translator_translates_as_it_did(
    settings: ModelSettings,
    kinds: tuple[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    translator = make(settings, kinds)
    translator.settings = replace(translator.settings, beam_size=3, max_length=6)
    translator.save(tmp_path / "run")
    again = Translator.load(tmp_path / "run", "cpu")
    assert again.settings == translator.settings
    for text in TEXTS:
        assert again.candidates(text) == translator.candidates(text)
    source = tmp_path / "source.txt"
    source.write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    main(["translate", str(tmp_path / "run"), str(source)])
    assert capsys.readouterr().out.splitlines() == translator.translate(TEXTS)


def test_a_model_put_together_by_hand_needs_its_settings(tmp_path: Path) -> None:
    made = make()
    model = TranslationModel(made.model.encoder, made.model.decoder)
    translator = Translator(model, made.source, made.target, device="cpu")
    with pytest.raises(SettingsError, match="give its ModelSettings"):
        translator.save(tmp_path / "run")
    with pytest.raises(SettingsError, match=r"not those of this model.*is \(.*settings say|weight"):
        translator.save(tmp_path / "run", replace(SMALL, embedding_size=9))
    with pytest.raises(SettingsError, match="computes something else"):
        translator.save(tmp_path / "run", replace(SMALL, attention="general"))
    assert not (tmp_path / "run").exists()
    translator.save(tmp_path / "run", SMALL)
    assert Translator.load(tmp_path / "run", "cpu").translate(TEXTS) == made.translate(TEXTS)


def test_a_run_that_is_there_is_safe(tmp_path: Path) -> None:
    make().save(tmp_path)
    with pytest.raises(RunError, match="exists already"):
        make().save(tmp_path)
    make(replace(SMALL, cell="gru")).save(tmp_path, overwrite=True)
    assert Translator.load(tmp_path, "cpu").model.settings == replace(SMALL, cell="gru")
    one = make()
    both = Translator(one.model, one.source, one.target, device="cpu", others=one.members)
    with pytest.raises(SettingsError, match="save each of its models"):
        both.save(tmp_path / "both")


@pytest.mark.parametrize("sizes", [(0, 1), (1, 0)])
def test_a_model_of_another_vocabulary_is_refused(sizes: tuple[int, int]) -> None:
    made = make()
    more = [
        len(side.vocab) + by for side, by in zip((made.source, made.target), sizes, strict=True)
    ]
    with pytest.raises(SettingsError, match="they are not of one model"):
        Translator(build_translation_model(*more, SMALL), made.source, made.target, device="cpu")
    for wrong in (-1, 0, "runs/word"):
        with pytest.raises(SettingsError, match=r"source_vocab_size is .*: ask for at least 1"):
            build_translation_model(wrong, 10, SMALL)  # type: ignore[arg-type]
