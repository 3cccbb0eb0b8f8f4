"""n-gram models as runs: what they say is what was counted, and they are used as networks are."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from seq2seq.cli.parse import parse_experiment
from seq2seq.config.base import from_dict
from seq2seq.config.experiment import Experiment
from seq2seq.config.language_model import (
    LanguageDataSettings,
    LanguageExperiment,
    LanguageModelSettings,
    MonolingualSettings,
    NGramExperiment,
    NGramSettings,
)
from seq2seq.config.training import TrainingSettings
from seq2seq.data.readers.lines import read_lines
from seq2seq.data.vocabulary import EOS, UNK, UNK_ID
from seq2seq.decoding.scoring import token_log_probabilities
from seq2seq.errors import DataError, RunError, SettingsError
from seq2seq.language_modeling.model import LanguageModel
from seq2seq.language_modeling.task import TextSplits
from seq2seq.language_modeling.train import train_language_model
from seq2seq.language_modeling.train_ngram import train_ngram_model
from seq2seq.models.ngram.arpa import read_arpa, write_arpa
from seq2seq.models.ngram.arpa_reader import VocabularyWarning
from seq2seq.models.ngram.model import NGramModel
from seq2seq.runs.directory import TEXT_SIDE, RunDirectory
from tests.support.tampering import reseal

KENLM = Path(__file__).parents[1] / "models" / "ngram" / "kenlm"
CPU = torch.device("cpu")


def describe(sample: Path, run: Path, kind: str = "word", **model: object) -> NGramExperiment:
    return NGramExperiment(
        run=str(run),
        data=MonolingualSettings(
            train=str(sample / "train.en"),
            validation=str(sample / "validation.en"),
            tokenizer=kind,
        ),
        model=NGramSettings(**{"order": 3, **model}),
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    """Trigrams of the words of the sample corpus."""
    path = tmp_path_factory.mktemp("ngrams") / "words"
    train_ngram_model(describe(sample, path))
    return path


@pytest.fixture(scope="module")
def model(run: Path) -> LanguageModel:
    return LanguageModel.load(run, "cpu")


@pytest.fixture(scope="module")
def lines(sample: Path) -> list[str]:
    return read_lines(sample / "test.en")[:60]


def test_the_perplexity_is_what_the_counts_say(
    run: Path, model: LanguageModel, sample: Path, lines: list[str]
) -> None:
    pipeline = model.text.pipeline
    counted = NGramModel.estimate(
        pipeline.encode(read_lines(sample / "train.en")), 3, len(pipeline.vocab)
    )
    ids = pipeline.encode(lines)
    values = token_log_probabilities(counted.step, counted.start(len(ids)), ids, CPU)
    nats, tokens = -sum(map(sum, values)), sum(map(len, values))
    words = sum(len(line.split()) + 1 for line in lines)
    found = model.evaluate(lines)
    assert found.tokens == tokens
    assert found.words == words
    assert found.nats == pytest.approx(nats, rel=1e-6)
    assert model.evaluate(lines).perplexity == pytest.approx(math.exp(nats / tokens), rel=1e-6)
    assert found.word_perplexity == pytest.approx(math.exp(nats / words), rel=1e-6)
    assert model.evaluate_lines(lines) == found


def test_what_is_made_says_how_good_it_is(tmp_path: Path, sample: Path) -> None:
    found = train_ngram_model(describe(sample, tmp_path / "run", order=2))
    model = LanguageModel.load(tmp_path / "run", "cpu")
    validation = model.evaluate_lines(read_lines(sample / "validation.en"))
    assert found.held_out == validation
    assert found.model.sizes == [len(model.text.pipeline.vocab) - 1, len(found.model.ngrams(2))]


def test_each_line_is_read_by_itself(model: LanguageModel, lines: list[str]) -> None:
    alone = [model.score(line) for line in lines[:5]]
    together = model.score("\n".join(lines[:5]))
    assert together.tokens == [token for score in alone for token in score.tokens]
    assert together.tokens[-1] == EOS
    assert together.token_log_probabilities == pytest.approx(
        [value for score in alone for value in score.token_log_probabilities], abs=1e-5
    )
    nats = model.evaluate("\n".join(lines[:5])).nats
    assert nats == pytest.approx(-sum(score.log_probability for score in alone), rel=1e-6)


def test_it_makes_up_sentences(model: LanguageModel) -> None:
    text = model.generate(seed=3)
    assert text == "".join(model.stream(seed=3))
    assert text != model.generate(seed=4)
    assert "\n" not in text
    assert model.score(text).log_probability > -100  # all that it says has been seen so
    assert model.generate("The girl", temperature=0, max_tokens=3).startswith("The girl ")
    assert UNK not in model.score(model.generate("The girl")).tokens


def test_a_recurrent_model_with_its_tokens_is_compared_by_the_same_figures(
    tmp_path: Path, run: Path, model: LanguageModel, sample: Path, lines: list[str]
) -> None:
    network = LanguageExperiment(
        run=str(tmp_path / "network"),
        device="cpu",
        data=LanguageDataSettings(
            train=str(sample / "train.en"),
            validation=str(sample / "validation.en"),
            vocabulary=str(run),
            windows="sentences",
        ),
        model=LanguageModelSettings(embedding_size=16, sizes=(16,), dropout=0.0),
        training=TrainingSettings(
            max_steps=20, best_by="perplexity", label_smoothing=0.0, learning_rate=1e-2
        ),
    )
    train_language_model(network)
    recurrent = LanguageModel.load(network.run, "cpu")
    ours, theirs = model.evaluate(lines), recurrent.evaluate(lines)
    assert (ours.tokens, ours.words, ours.characters) == (
        theirs.tokens,
        theirs.words,
        theirs.characters,
    )
    # Counts of a regular little language are hard to beat in 20 updates.
    assert 5 < ours.word_perplexity < theirs.word_perplexity / 2
    first = lines[0]
    assert model.score(first).tokens == recurrent.score(first).tokens


def test_models_with_other_tokens_are_compared_by_words(
    tmp_path: Path, model: LanguageModel, sample: Path, lines: list[str]
) -> None:
    train_ngram_model(describe(sample, tmp_path / "letters", "character", order=9))
    letters = LanguageModel.load(tmp_path / "letters", "cpu").evaluate(lines)
    words = model.evaluate(lines)
    assert letters.tokens > 3 * words.tokens
    assert (letters.words, letters.characters) == (words.words, words.characters)
    assert letters.perplexity < words.perplexity / 2
    assert 0.5 < letters.word_perplexity / words.word_perplexity < 2


def test_letters_only_is_one_long_line(tmp_path: Path, sample: Path) -> None:
    described = describe(sample, tmp_path / "run", "character")
    experiment = replace(
        described,
        data=replace(described.data, validation="", letters_only=True, lowercase=True),
    )
    held_out = train_ngram_model(experiment).held_out
    assert held_out is not None
    assert held_out.perplexity < 12
    model = LanguageModel.load(experiment.run, "cpu")
    assert len(model.text.pipeline.vocab) <= 4 + 27
    assert model.score("It is 5\no'clock!").tokens == [*"it▁is▁o▁clock", EOS]


def test_a_run_from_an_arpa_file_says_the_same(
    tmp_path: Path, run: Path, model: LanguageModel, lines: list[str]
) -> None:
    pipeline = model.text.pipeline
    write_arpa(tmp_path / "words.arpa.gz", model.network, pipeline.vocab)
    settings = NGramSettings(from_arpa=str(tmp_path / "words.arpa.gz"))
    # With the vocabulary of a run, its tokens are those of the run.
    same = NGramExperiment(
        run=str(tmp_path / "same"), data=MonolingualSettings(vocabulary=str(run)), model=settings
    )
    found = train_ngram_model(same)
    assert found.held_out is None
    assert found.model.sizes == model.network.sizes
    again = LanguageModel.load(same.run, "cpu")
    assert again.evaluate(lines).nats == pytest.approx(model.evaluate(lines).nats, rel=1e-5)
    # Without one, they are what stands between spaces.
    plain = NGramExperiment(run=str(tmp_path / "plain"), model=settings)
    train_ngram_model(plain)
    spaced = LanguageModel.load(plain.run, "cpu")
    assert pipeline.tokenizer.tokenize(lines[0])[-1] == "￭."
    cut = [" ".join(tokens) for tokens in pipeline.tokenizer.tokenize_all(lines)]
    assert spaced.evaluate(cut).nats == pytest.approx(model.evaluate(lines).nats, rel=1e-5)
    assert " ￭" in spaced.generate(seed=1)


def test_a_model_of_another_program(tmp_path: Path) -> None:
    """What KenLM made of a text, word by word as `read_arpa` has it."""
    path = KENLM / "order3.arpa"
    text = KENLM / "text.txt"
    experiment = NGramExperiment(
        run=str(tmp_path / "run"),
        data=MonolingualSettings(validation=str(text)),
        model=NGramSettings(from_arpa=str(path)),
    )
    held_out = train_ngram_model(experiment).held_out
    ngrams, vocab = read_arpa(path)
    ids = [vocab.ids(line.split()) for line in read_lines(text)]
    values = token_log_probabilities(ngrams.step, ngrams.start(len(ids)), ids, CPU)
    assert held_out is not None
    assert held_out.nats == pytest.approx(-sum(map(sum, values)), rel=1e-5)
    assert held_out.tokens == held_out.words == sum(map(len, values))


def test_a_vocabulary_of_which_the_file_has_a_part(tmp_path: Path, run: Path) -> None:
    """KenLM lists the tokens that occur in its text; the others are unknown ones to it."""
    experiment = NGramExperiment(
        run=str(tmp_path / "run"),
        data=MonolingualSettings(vocabulary=str(run)),
        model=NGramSettings(from_arpa=str(KENLM / "order3.arpa")),
    )
    with pytest.warns(VocabularyWarning) as caught:
        train_ngram_model(experiment)
    assert ["have the probability of <unk>" in str(each.message) for each in caught] == [
        True,
        False,
    ]
    model = LanguageModel.load(experiment.run, "cpu")
    vocab = model.text.pipeline.vocab
    listed = read_arpa(KENLM / "order3.arpa")[1]
    lacking = [token for token in vocab.tokens(list(range(4, len(vocab)))) if token not in listed]
    values = model.network.level(1).log_probs
    assert lacking
    assert torch.equal(values[vocab.ids(lacking)], values[[UNK_ID] * len(lacking)])
    assert model.score("the girls left this morning").log_probability > -math.inf
    assert model.generate(seed=1)


def test_an_order_that_no_line_reaches(tmp_path: Path) -> None:
    names = ["Ann", "Bob Lee", "Cy", "Dan", "Eve"]
    made = train_ngram_model(
        NGramExperiment(run=str(tmp_path / "run"), data=MonolingualSettings(tokenizer="word")),
        TextSplits(names, ["Ann Lee"]),
    )
    assert made.model.sizes == [9, 11, 6, 1, 0]
    model = LanguageModel.load(tmp_path / "run", "cpu")
    assert made.held_out == model.evaluate(["Ann Lee"])
    assert all(value > -math.inf for value in model.score("Bob Ann Lee").token_log_probabilities)
    assert model.generate(seed=2) == model.generate(seed=2)


ARPA = """\\data\\
ngram 1=5

\\1-grams:
-99\t<s>
-0.6\t</s>
-0.3\tA▁b
-0.6\ta￭
-0.6\tc\u00a0d

\\end\\
"""


def test_odd_tokens_and_unknown_ones_without_a_probability(tmp_path: Path) -> None:
    (tmp_path / "odd.arpa").write_text(ARPA, encoding="utf-8")
    experiment = NGramExperiment(
        run=str(tmp_path / "run"), model=NGramSettings(from_arpa=str(tmp_path / "odd.arpa"))
    )
    train_ngram_model(experiment)
    model = LanguageModel.load(experiment.run, "cpu")
    score = model.score("A▁b a￭")
    assert score.log_probability == pytest.approx(-1.5 * math.log(10), rel=1e-5)
    assert model.score("nobody").token_log_probabilities[0] == -math.inf
    found = model.evaluate(["A▁b", "nobody knows"])
    assert found.nats == math.inf
    assert set(found.summary().values()) == {5, 2, math.inf, found.perplexity_without_unknown}
    known = (0.3 + 2 * 0.6) * math.log(10) / 3  # A▁b and two line ends
    assert found.perplexity_without_unknown == pytest.approx(math.exp(known), rel=1e-5)
    assert model.generate(seed=1) == model.generate(seed=1)
    assert "⁇" not in model.generate(max_tokens=50)


def test_runs_replace_each_other_with_all_their_files(
    tmp_path: Path, sample: Path, run: Path
) -> None:
    path = tmp_path / "run"
    experiment = describe(sample, path, order=1)
    train_ngram_model(experiment)
    with pytest.raises(RunError, match=r"exists already: give another --run, or delete it"):
        train_ngram_model(experiment)
    (path / "best.safetensors").write_text("weights")
    train_ngram_model(replace(experiment, overwrite=True))
    assert not (path / "best.safetensors").exists()
    names = {file.name for file in path.iterdir()}
    assert names == {
        *("experiment.json", "ngrams.safetensors", "text.tokenizer", "text.vocab.json")
    }
    RunDirectory(path).create(overwrite=True)
    assert [file.name for file in path.iterdir()] == ["experiment.json"]


def test_the_description_is_read_back(run: Path) -> None:
    values = json.loads((run / "experiment.json").read_text(encoding="utf-8"))
    assert values["model"] == "n-gram model"
    assert values["recipe"] == {}
    assert values["experiment"]["model"]["order"] == 3
    assert "windows" not in values["experiment"]["data"]
    assert from_dict(NGramExperiment, values["experiment"]).model.order == 3


def test_runs_that_are_not_whole_or_not_of_one_piece(
    tmp_path: Path, sample: Path, run: Path, trained: Path
) -> None:
    for name, message in (
        ("ngrams.safetensors", r"ngrams\.safetensors is missing"),
        ("text.vocab.json", r"text\.vocab\.json is missing"),
    ):
        copy = tmp_path / name.partition(".")[0]
        train_ngram_model(describe(sample, copy, order=1))
        (copy / name).unlink()
        with pytest.raises(RunError, match=message):
            LanguageModel.load(copy, "cpu")
    train_ngram_model(describe(sample, tmp_path / "letters", "character", order=1))
    vocab = RunDirectory(tmp_path / "letters").vocab(TEXT_SIDE)
    vocab.write_bytes(RunDirectory(run).vocab(TEXT_SIDE).read_bytes())
    with pytest.raises(RunError, match="belongs to another run"):
        LanguageModel.load(tmp_path / "letters", "cpu")
    reseal(tmp_path / "letters")
    with pytest.raises(RunError, match="they are not of one run"):
        LanguageModel.load(tmp_path / "letters", "cpu")
    with pytest.raises(RunError, match="is a translation model, and a language model is needed"):
        LanguageModel.load(trained, "cpu")


def test_a_network_can_not_be_continued_from_counts(run: Path) -> None:
    experiment = LanguageExperiment(
        run=str(run), resume=True, training=TrainingSettings(max_steps=1, best_by="perplexity")
    )
    with pytest.raises(RunError, match="an n-gram model, and a recurrent language model is needed"):
        parse_experiment(experiment, ["--run", str(run), "--resume"])


@pytest.mark.parametrize(
    ("values", "messages"),
    [
        ({"model": {"order": 0}}, ["--order 0 must be at least 1"]),
        ({"model": {"smoothing": "add-k"}}, ["--smoothing add-k needs --k"]),
        ({"model": {"k": 0.1}}, ["--k 0.1 has no effect with --smoothing kneser-ney"]),
        ({"model": {"smoothing": "add-k", "k": 0.0}}, ["--k 0.0 must be above 0"]),
        ({"model": {"smoothing": "add-k", "k": math.inf}}, ["--k inf must be above 0 and finite"]),
        ({"model": {"smoothing": "add-k", "k": math.nan}}, ["--k nan must be above 0"]),
        (
            {"model": {"from_arpa": "x.arpa", "order": 2}, "data": {"train": "y", "vocab_size": 9}},
            [
                "--order 2 has no effect with --from-arpa x.arpa",
                "--data.train y has no effect with --from-arpa x.arpa",
                "--data.vocab-size 9 has no effect",
            ],
        ),
        ({"data": {"windows": "random"}}, ["unknown setting data.windows"]),
        ({"data": {"vocab_size": 4}}, ["--data.vocab-size 4 is not in [5, "]),
        (
            {"seed": 2, "resume": True, "device": "cpu"},
            [f"--{name} has no effect" for name in ("seed 2", "resume True", "device cpu")],
        ),
        ({"generation": {"top_p": 2.0}}, ["--generation.top-p 2.0"]),
    ],
)
def test_mistakes_are_named(values: dict[str, object], messages: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        from_dict(NGramExperiment, values)
    for message in messages:
        assert message in str(caught.value)


def test_mistakes_with_files(tmp_path: Path, run: Path, sample: Path) -> None:
    with pytest.raises(SettingsError, match="give --run DIR"):
        train_ngram_model(NGramExperiment())
    experiment = NGramExperiment(run=str(tmp_path / "new"))
    with pytest.raises(SettingsError, match=r"give --data\.train FILE"):
        train_ngram_model(experiment)
    (tmp_path / "odd.arpa").write_text(ARPA, encoding="utf-8")
    with pytest.raises(DataError, match="has no token of the vocabulary given"):
        train_ngram_model(
            replace(
                experiment,
                data=MonolingualSettings(vocabulary=str(run)),
                model=NGramSettings(from_arpa=str(tmp_path / "odd.arpa")),
            )
        )
    with pytest.raises(DataError, match="there is no file"):
        train_ngram_model(replace(experiment, model=NGramSettings(from_arpa="missing.arpa")))
    assert not (tmp_path / "new").exists()
    assert Experiment.KIND != NGramExperiment.KIND


def test_pieces_without_their_vocabulary_are_warned_of(tmp_path: Path) -> None:
    tokens = "".join(f"-2\t▁piece{number}\n" for number in range(40))
    path = tmp_path / "pieces.arpa"
    path.write_text(
        "\\data\\\nngram 1=43\n\n\\1-grams:\n-2\t<unk>\n-99\t<s>\n-2\t</s>\n"
        + tokens
        + "\\end\\\n",
        encoding="utf-8",
    )
    settings = NGramSettings(from_arpa=str(path))
    with pytest.warns(VocabularyWarning, match="give the run of that tokenizer, with --data.voc"):
        train_ngram_model(NGramExperiment(run=str(tmp_path / "run"), model=settings))
