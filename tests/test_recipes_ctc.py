"""recipes/ctc.py: what paths collapse to, two ways to decode, and what the blank is for."""

import math
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from recipes import ctc
from tests.support.pictures import picture

Command = Callable[..., subprocess.CompletedProcess[bytes]]
PATH = Path(__file__).resolve().parent.parent / "recipes" / "ctc.py"
SYMBOLS = "-ab"

Frames = list[list[float]]


def normalized(weights: list[int]) -> list[float]:
    return [weight / sum(weights) for weight in weights]


FRAME = st.lists(st.integers(1, 50), min_size=3, max_size=3).map(normalized)
FRAMES = st.lists(FRAME, min_size=1, max_size=5)


def enumerate_texts(frames: Frames) -> Counter[str]:
    """The probability of every text, summed over all paths."""
    texts: Counter[str] = Counter()
    for path in product(SYMBOLS, repeat=len(frames)):
        texts[ctc.collapse("".join(path))] += probability_of(path, frames)
    return texts


def probability_of(path: Sequence[str], frames: Frames) -> float:
    pairs = zip(frames, path, strict=True)
    return math.prod(frame[SYMBOLS.index(symbol)] for frame, symbol in pairs)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("1100110022200", "112"),
        ("好好棒棒棒", "好棒"),
        ("好00棒0000", "好棒"),
        ("好00棒0棒00", "好棒棒"),
        ("000", ""),
        ("", ""),
    ],
)
def test_collapse(path: str, text: str) -> None:
    assert ctc.collapse(path, blank="0") == text


@given(FRAMES)
def test_prefix_beam_search_is_the_sum_over_all_paths(frames: Frames) -> None:
    expected = enumerate_texts(frames)
    found = ctc.prefix_beam_search(frames, SYMBOLS, beam_size=1000)
    assert {text: p for text, p in found.items() if p > 0} == pytest.approx(dict(expected))
    assert next(iter(found.values())) == pytest.approx(max(expected.values()))
    assert list(found.values()) == sorted(found.values(), reverse=True)


@given(FRAMES, st.integers(1, 3))
def test_a_narrow_beam_finds_no_more_than_there_is(frames: Frames, beam_size: int) -> None:
    expected = enumerate_texts(frames)
    found = ctc.prefix_beam_search(frames, SYMBOLS, beam_size)
    assert len(found) <= beam_size
    assert all(probability <= expected[text] + 1e-12 for text, probability in found.items())


@given(FRAMES)
def test_torchs_loss_is_the_sum_over_all_paths(frames: Frames) -> None:
    log_probs = torch.tensor(frames, dtype=torch.float64).log()
    for text, probability in enumerate_texts(frames).items():
        target = torch.tensor([SYMBOLS.index(letter) for letter in text], dtype=torch.long)
        loss = F.ctc_loss(log_probs, target, (len(frames),), (len(text),), reduction="sum")
        assert float(loss) == pytest.approx(-math.log(probability))


@given(FRAMES)
def test_the_best_path_is_the_most_probable_one(frames: Frames) -> None:
    best = ctc.best_path(frames, SYMBOLS)
    paths = product(SYMBOLS, repeat=len(frames))
    assert probability_of(best, frames) == max(probability_of(path, frames) for path in paths)


def test_the_best_path_can_miss_the_best_text() -> None:
    frames = [[0.6, 0.4], [0.6, 0.4]]
    assert ctc.best_path(frames, "-a") == "--"
    found = ctc.prefix_beam_search(frames, "-a", beam_size=2)
    assert found == pytest.approx({"a": 0.64, "": 0.36})
    assert next(iter(found)) == "a"


def test_what_is_said_collapses_to_the_text() -> None:
    voice = ctc.Voice("abc", noise=0.0, seed=1)
    for utterance in voice.say_some(200):
        assert ctc.collapse(utterance.spoken) == utterance.text
        assert len(utterance.spoken) == len(utterance.frames)
        assert 2 <= len(utterance.text) <= 6
        for frame, symbol in zip(utterance.frames, utterance.spoken, strict=True):
            assert torch.equal(frame, voice.sounds[symbol])


@pytest.mark.parametrize("blank", [False, True])
def test_a_batch_is_its_utterances(blank: bool) -> None:
    listener = ctc.Listener("-abc", blank=blank)
    utterances = ctc.Voice("abc", noise=0.5, seed=1).say_some(5)
    losses = torch.cat([listener.loss([each]) for each in utterances])
    assert torch.allclose(listener.loss(utterances), losses, atol=1e-4)


@pytest.mark.slow
def test_double_letters_need_the_blank() -> None:
    settings = ctc.Ctc(letters="abc好棒", texts=500)
    voice = ctc.Voice(settings.letters, settings.noise, settings.seed)
    training, validation, test = (voice.say_some(count) for count in (settings.texts, 50, 200))
    said = [voice.say("好棒"), voice.say("好棒棒")]
    texts = [each.text for each in test]
    listener = ctc.train(settings, training, validation, blank=True)
    assert min(ctc.shares_right(texts, ctc.write(listener, test)).values()) >= 90
    assert ctc.write(listener, said, beam_size=4) == ["好棒", "好棒棒"]
    listener = ctc.train(settings, training, validation, blank=False)
    right = ctc.shares_right(texts, ctc.write(listener, test))
    assert right["with double letters"] == 0
    assert right["without double letters"] >= 70
    assert ctc.write(listener, said, beam_size=4) == ["好棒", "好棒"]


def test_the_recipe(command: Command, tmp_path: Path) -> None:
    options = ["--texts", "60", "--epochs", "1", "--letters", "ab", "--draw", "abba"]
    result = command(PATH, *options, "--plot", "new/ctc.png", cwd=tmp_path)
    assert result.returncode == 0, result.stderr.decode()
    shown = result.stdout.decode()
    assert "1100110022200 is 112" in shown
    assert re.search(r"^  without a blank, best path +\d+\.\d +0\.0 +\d+\.\d$", shown, re.MULTILINE)
    width, height = picture(tmp_path / "new" / "ctc.png")
    assert width > 600 < height


def test_what_is_impossible_is_named(command: Command, tmp_path: Path) -> None:
    options = ["--letters", "aa-", "--draw", "x", "--texts", "0", "--noise", "-1"]
    result = command(PATH, *options, cwd=tmp_path)
    said = result.stderr.decode()
    assert result.returncode == 2
    assert all(
        part in said for part in ("--letters 'aa-'", "--draw 'x'", "--texts 0", "--noise -1")
    )
    assert "Traceback" not in said
    assert not list(tmp_path.iterdir())
