"""Both sides' tokenizers and vocabularies: alike, apart, or of kinds of their own."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seq2seq.config.data import DataSettings
from seq2seq.config.experiment import Experiment
from seq2seq.config.training import TrainingSettings
from seq2seq.data.monolingual import letters_only
from seq2seq.data.parallel import Corpora, ParallelCorpus
from seq2seq.data.tokenizers.base import TOKENIZERS, Tokenizer
from seq2seq.data.tokenizers.pipeline import TextPipeline, build_pipelines
from seq2seq.data.tokenizers.rule_based import CharacterTokenizer, WordTokenizer
from seq2seq.data.tokenizers.sentencepiece import SentencePieceTokenizer
from seq2seq.data.vocabulary import Vocab
from seq2seq.errors import DataError, SettingsError
from seq2seq.models.translation import build_translation_model
from seq2seq.translation.task import TranslationTask

ENGLISH = ["I see the cat.", "You see a dog.", "The cat sees you.", "A dog sees the cat."] * 5
CHINESE = ["我看见猫。", "你看见一只狗。", "猫看见你。", "一只狗看见猫。"] * 5


def test_each_side_may_have_a_kind_and_a_size_of_its_own() -> None:
    settings = DataSettings(
        tokenizer="word", vocab_size=12, target_tokenizer="character", target_vocab_size=9
    )
    source, target = build_pipelines(ENGLISH, CHINESE, settings)
    assert isinstance(source.pipeline.tokenizer, WordTokenizer)
    assert isinstance(target.pipeline.tokenizer, CharacterTokenizer)
    assert (len(source.pipeline.vocab), len(target.pipeline.vocab)) == (12, 9)
    assert target.pipeline.tokenizer.tokenize("猫看见你。") == list("猫看见你。")


def test_a_size_alone_may_differ_and_same_means_same() -> None:
    settings = DataSettings(tokenizer="bpe", vocab_size=40, target_vocab_size=30)
    source, target = build_pipelines(ENGLISH, ENGLISH, settings)
    assert (len(source.pipeline.vocab), len(target.pipeline.vocab)) == (40, 30)
    same = build_pipelines(ENGLISH, ENGLISH, DataSettings(tokenizer="bpe", vocab_size=40))
    assert all(isinstance(side.pipeline.tokenizer, SentencePieceTokenizer) for side in same)
    assert same[0].pipeline.vocab.tokens(range(40)) == same[1].pipeline.vocab.tokens(range(40))


@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("kind", [*TOKENIZERS])
def test_text_is_tokenized_once_and_its_ids_are_those_of_encode(
    kind: str, joint: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = TOKENIZERS[kind]
    seen: list[str] = []
    tokenize_all = chosen.tokenize_all

    def count(self: Tokenizer, texts: list[str], **options: bool) -> list[list[str]]:
        seen.extend(texts)
        return tokenize_all(self, texts, **options)

    monkeypatch.setattr(chosen, "tokenize_all", count)
    settings = DataSettings(tokenizer=kind, vocab_size=60, joint=joint)
    source, target = build_pipelines(ENGLISH, CHINESE, settings)
    assert sorted(seen) == sorted([*ENGLISH, *CHINESE])
    assert source.ids == source.pipeline.encode(ENGLISH)
    assert target.ids == target.pipeline.encode(CHINESE)
    assert (source.pipeline is target.pipeline) == joint


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"joint": True, "target_tokenizer": "character"}, "--data.joint is one tokenizer"),
        ({"joint": True, "target_vocab_size": 50}, "--data.joint is one tokenizer"),
        (
            {"tokenizer": "word", "target_tokenizer": "bpe", "subword_sampling": 0.1,
             "sampled_side": "source"},
            "--data.subword-sampling 0.1 needs",
        ),
        ({"target_vocab_size": -1}, "--data.target-vocab-size -1 is not in"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Experiment(data=DataSettings(**changes))


@pytest.mark.parametrize("sampled_side", ["both", "source"])
def test_random_segmentations_are_of_the_side_that_is_asked_for(
    sampled_side: str, tmp_path: Path
) -> None:
    data = DataSettings(
        tokenizer="unigram", vocab_size=36, subword_sampling=0.2, sampled_side=sampled_side
    )
    experiment = Experiment(
        run=str(tmp_path), data=data, training=TrainingSettings(batch_tokens=10_000)
    )
    corpora = Corpora(ParallelCorpus(ENGLISH, ENGLISH, "a"), ParallelCorpus(ENGLISH, ENGLISH, "b"))
    source, target = build_pipelines(ENGLISH, ENGLISH, data)
    model = build_translation_model(
        len(source.pipeline.vocab), len(target.pipeline.vocab), experiment.model
    )

    def texts(task: TranslationTask, epoch: int) -> tuple[list[list[int]], list[list[int]]]:
        (batch,) = task.batches(epoch)
        return sorted(batch.source.tolist()), sorted(batch.target_input.tolist())

    task = TranslationTask(model, corpora, source, target, experiment)
    (first, first_target), (second, second_target) = texts(task, 0), texts(task, 1)
    assert first != second
    assert (first_target == second_target) == (sampled_side == "source")
    plain = replace(experiment, data=replace(data, subword_sampling=0.0, sampled_side="both"))
    usual = texts(TranslationTask(model, corpora, source, target, plain), 0)
    assert (first_target == usual[1]) == (sampled_side == "source")


def test_a_single_text_is_no_list_of_characters() -> None:
    vocab = Vocab.build([["a"]])
    with pytest.raises(DataError, match="give a list of strings"):
        TextPipeline(CharacterTokenizer(), vocab).encode("abc")
    with pytest.raises(DataError, match="give a list of strings"):
        letters_only("abc")
    with pytest.raises(DataError, match=r"sources is 'a' .*: give a list of strings"):
        ParallelCorpus("a", "b")  # type: ignore[arg-type]
