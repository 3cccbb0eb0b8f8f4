"""Options that there are not, and values that can't be: told in one message."""

from collections.abc import Callable

import pytest

Fails = Callable[..., str]
TRAIN = ("train", "pairs.tsv", "--run", "run")
TRANSLATE = ("translate", "run")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ([*TRAIN, "--training.minutes", "abc"], ["--training.minutes abc is not a number"]),
        ([*TRAIN, "--training.max_steps=1.5"], ["--training.max_steps 1.5 is not a whole number"]),
        ([*TRAIN, "--model.encoder-sizes", "8", "x"], ["encoder-sizes x is not a whole number"]),
        (
            [*TRAIN, "--seed", "x", "--training.epochs", "--training.optimizer", "adm"],
            [
                "--seed x is not a whole number",
                "--training.epochs is given without a value: give a number",
                "--training.optimizer adm is not one of adam, adamw, sgd: did you mean adam?",
            ],
        ),
        ([*TRANSLATE, "--beam-size", "x"], ["--beam-size x is not a whole number"]),
        ([*TRANSLATE, "--decoding.beam-size", "x"], ["--beam-size x is not a whole number"]),
        (["evaluate", "run", "a", "b", "--tokenize", "13"], ["one of 13a", "did you mean 13a?"]),
        (["clean", "a.tsv", "--max-words", "x"], ["--max-words x is not a whole number"]),
        (["prepare", "a.tsv", "--data.vocab-size", "x"], ["vocab-size x is not a whole number"]),
        ([*TRAIN, "--data.vocab-size", "9999999999"], ["is not in [5, 2147483647]"]),
        (["lm", "train", "a.txt", "--training.minutes", "x"], ["minutes x is not a number"]),
        (["lm", "ngram", "a.txt", "--order", "x"], ["--order x is not a whole number"]),
        (
            [*TRAIN, "--model.cell", "foo", "--training.minutes=-3", "--model.dropout", "2"],
            ["--model.cell foo is not", "minutes -3.0 must be at least 0", "dropout 2.0 is not in"],
        ),
    ],
)
def test_a_wrong_value_is_told_in_our_words(
    fails: Fails, arguments: list[str], parts: list[str]
) -> None:
    said = fails(*arguments)
    assert said.startswith("error: --")
    for part in parts:
        assert part in said
    assert "─" not in said, "no frame of the parser"


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ([*TRAIN, "--modle.cell", "gru"], "--modle.cell: did you mean --model.cell?"),
        ([*TRAIN, "--model.encoder_size=8"], "--model.encoder_size: did you mean --model.encoder-"),
        ([*TRAIN, "--dropout", ".1"], "--dropout: did you mean --model.dropout?"),
        ([*TRAIN, "--nofit"], "--nofit: did you mean --no-fit?"),
        ([*TRAIN, "--xyz"], "--xyz: --help shows all"),
        (["translate", "--run", "run"], "--run: give RUN itself, without a name"),
        ([*TRANSLATE, "--beam", "5"], "--beam: did you mean --beam-size?"),
        (["clean", "a.tsv", "--max-word", "5"], "--max-word: did you mean --max-words?"),
        (["lm", "ngram", "a.txt", "--smoothin", "k"], "--smoothin: did you mean --smoothing?"),
        (["lm", "ngram", "a.txt", "--model.order", "2"], "--model.order: did you mean --order?"),
        (["lm", "ngram", "a.txt", "--device", "cpu"], "--device: --help shows all"),
    ],
)
def test_an_option_that_there_is_not(fails: Fails, arguments: list[str], hint: str) -> None:
    said = fails(*arguments)
    assert said.startswith(f"error: there is no option {hint}")
    assert said.count("there is no option") == 1


def test_all_that_is_wrong_is_told_and_nothing_that_may_be_due_to_it(fails: Fails) -> None:
    wrong = ["--model.atention", "none", "--seed", "x", "--model.dropout", "2"]
    assert fails(*TRAIN, *wrong, "--model.context-to-output") == (
        "error: there is no option --model.atention: did you mean --model.attention? "
        "--seed x is not a whole number --model.dropout 2.0 is not in [0, 1) "
    )


def test_what_only_looks_like_an_option_is_left_to_the_parser(fails: Fails) -> None:
    assert "no option" not in fails("lm", "generate", "run", "--prefix", "--so he said")
    assert "no option" not in fails("score", "run", "--", "--xyz")


def test_values_that_are_right_are_left_to_the_parser(fails: Fails) -> None:
    right = ["--training.minutes", "None", "--seed", "3", "--model.dropout=.5", "--device", "cpu"]
    assert "there is no file pairs.tsv" in fails(*TRAIN, *right, "--training.max-steps", "1")
