"""Values that are no numbers, or not among the choices: told in one message."""

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


def test_values_that_are_right_are_left_to_the_parser(fails: Fails) -> None:
    right = ["--training.minutes", "None", "--seed", "3", "--model.dropout=.5", "--device", "cpu"]
    assert "there is no file pairs.tsv" in fails(*TRAIN, *right, "--training.max-steps", "1")
