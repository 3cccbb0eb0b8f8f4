"""The page's tokenizers cut every text as Python's do, and put it together again."""

import io
import random
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest
import sentencepiece

from seq2seq.data.tokenizers.base import Tokenizer, build_tokenizer
from seq2seq.data.tokenizers.rule_based import CharacterTokenizer
from seq2seq.data.tokenizers.sentencepiece import SentencePieceTokenizer
from seq2seq.export.html import describe_tokenizer
from tests.support.hostile import LONG
from tests.support.javascript import needs_node, run_javascript

pytestmark = [needs_node, pytest.mark.slow]

SAMPLE = Path(__file__).parent.parent.parent / "data" / "sample"

CUT = """
return given.lines.map((line) => {
  const tokens = tokenize(given.tokenizer, line);
  return [tokens, detokenize(given.tokenizer, tokens)];
});
"""

KINDS = ["word", "character", "space", "unigram", "bpe"]


def sample_lines() -> list[str]:
    return [
        line
        for path in sorted(SAMPLE.iterdir())
        for line in path.read_text(encoding="utf-8").splitlines()[:1_000]
    ]


KNOWN = (
    r"return given.filter((point) => !/[\p{Cn}\p{Cs}\p{Co}]/u.test(String.fromCodePoint(point)));"
)


@pytest.fixture(scope="module")
def characters(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """All characters that the Unicode of Python and that of node know."""
    points = [
        point
        for point in range(sys.maxunicode + 1)
        if unicodedata.category(chr(point)) not in ("Cn", "Cs", "Co")
    ]
    known = run_javascript(tmp_path_factory.mktemp("known"), KNOWN, points)
    assert len(known) > 140_000
    return [chr(point) for point in known]


def lines_of_characters(characters: list[str]) -> Iterator[str]:
    """Each of them once, some dozens a line, letters beside them."""
    several = [f"a{each}b " if place % 3 else each for place, each in enumerate(characters)]
    for start in range(0, len(several), 40):
        yield "".join(several[start : start + 40])


def lines_of_scripts(characters: list[str], count: int) -> Iterator[str]:
    """Words of some letters of one script each, which the first word of a letter's name tells."""
    draw = random.Random(1)
    scripts: dict[str, list[str]] = defaultdict(list)
    for each in characters:
        if unicodedata.category(each)[0] in "LMN":
            scripts[unicodedata.name(each, "TANGUT").split()[0]].append(each)
    assert {"ARABIC", "CJK", "DEVANAGARI", "HANGUL", "HEBREW", "THAI"} < {*scripts}
    for number, script in zip(range(count), cycle(scripts.values()), strict=False):
        letters = draw.choices(script, k=12) + ["a"] * (number % 3)
        words = ["".join(draw.choices(letters, k=draw.randint(1, 7))) for _ in range(7)]
        yield "".join(word + draw.choice(["", " ", " ", " ", ", ", "-", "’"]) for word in words)


def hostile_lines(characters: list[str], count: int) -> Iterator[str]:
    """Lines of what has a meaning in tokens, of what programs trip over, and of any character."""
    draw = random.Random(1)
    parts = [
        *"\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\u2028\u2029\x00\x01\x7f\ufeff\ufffe\u00ad\u200b\u200c\u200d",
        *"\u200e\u202e\u0301\u0316\u0344\u05b0\u20e3\ufe0f👩🚀🇫🇷🏽 \t\u3000\xa0\"'’,;<>￭▁␛⁇_-.",
        *("e\u0301", "<pad>", "</s>", "<unk>", "<eos>", "␛n", "␛e", "l'", "qu’", "JUSQU'", "ſ's"),
        *("10:30", "3.000,50", "...", "日本語", "カタカナ", "ひら", "ไทย", "नमस्ते", "שלום", "مرحبا"),
        *(
            "hello",
            "world",
            "homme",
            "ſ",
            "ΑΣ",
            "ß",
            "ǆ",
            "ﬁ",
            "Å",
            "한국",
            "각",
            "<a",
            "<b>",
            "İI",
        ),
        *("\udfff", "\ud800 ", "👩\u200d🚀", "🇫🇷"),
    ]
    for _ in range(count):
        line = "".join(draw.choice(parts) for _ in range(draw.randint(0, 14)))
        yield line + draw.choice(characters[: draw.choice([10_000, len(characters)])])


def check_equal(folder: Path, tokenizer: Tokenizer, lines: list[str]) -> None:
    given = {"tokenizer": describe_tokenizer(tokenizer), "lines": lines}
    for line, (tokens, text) in zip(lines, run_javascript(folder, CUT, given), strict=True):
        expected = tokenizer.tokenize(line)
        assert tokens == expected, line
        assert text == tokenizer.detokenize(expected), line


@pytest.mark.parametrize("lowercase", [False, True])
@pytest.mark.parametrize("symbols", [(), ("<2fr>", "URL", "日本")])
@pytest.mark.parametrize("kind", KINDS)
def test_equal(
    tmp_path: Path, characters: list[str], kind: str, symbols: tuple[str, ...], lowercase: bool
) -> None:
    lines = sample_lines()
    texts = [*lines, *(f"<2fr> {line} URL" for line in lines[:100])] if symbols else lines
    tokenizer = build_tokenizer(
        kind, [*texts, *hostile_lines(characters, 300)], vocab_size=700, lowercase=lowercase,
        special_symbols=symbols, character_coverage=0.99,
    )  # fmt: skip
    more = [
        *hostile_lines(characters, 2_000),
        *(f"x<2fr>{each}日本 URL" for each in hostile_lines(characters, 200)),
    ]
    check_equal(tmp_path, tokenizer, [*lines[::4], *more, "", " "])


@pytest.mark.parametrize("kind", KINDS)
def test_equal_in_every_script(tmp_path: Path, characters: list[str], kind: str) -> None:
    """10,000 lines of all scripts that Unicode has, and every character."""
    lines = list(lines_of_scripts(characters, 10_000))
    tokenizer = build_tokenizer(
        kind, [*sample_lines(), *lines[:500]], vocab_size=4_000, character_coverage=0.98,
        lowercase=True,
    )  # fmt: skip
    check_equal(tmp_path, tokenizer, [*lines, *lines_of_characters(characters)])


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_pieces_that_go_over_spaces(tmp_path: Path, kind: str) -> None:
    """Of models that another program has trained."""
    lines, model = sample_lines()[:2_000], io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, model_type=kind, vocab_size=500,
        split_by_whitespace=False, normalization_rule_name="identity", minloglevel=2,
    )  # fmt: skip
    tokenizer = SentencePieceTokenizer(model.getvalue())
    assert any("▁" in piece[1:] for piece in tokenizer.scores)
    check_equal(tmp_path, tokenizer, lines)


def test_white_space_that_is_kept(tmp_path: Path, characters: list[str]) -> None:
    tokenizer = CharacterTokenizer(keep_white_space=True)
    check_equal(tmp_path, tokenizer, [*hostile_lines(characters, 1_000), "\t a\n  b \n"])


@pytest.mark.parametrize("kind", KINDS)
def test_long_lines(tmp_path: Path, kind: str) -> None:
    tokenizer = build_tokenizer(kind, sample_lines(), vocab_size=300)
    marks = LONG[3][:10_000]  # browsers take quadratic time to put marks in order
    check_equal(tmp_path, tokenizer, [*LONG[:3], marks, *LONG[4:]])
