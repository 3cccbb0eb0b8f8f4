"""The page's tokenizers cut every text as Python's do, and put it together again."""

import random
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from seq2seq.data.tokenizers.base import Tokenizer, build_tokenizer
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


def every_character(folder: Path) -> list[str]:
    """All characters that the Unicode of Python and that of node know, some dozens a line, letters
    beside them."""
    points = [
        point
        for point in range(sys.maxunicode + 1)
        if unicodedata.category(chr(point)) not in ("Cn", "Cs", "Co")
    ]
    known = [chr(point) for point in run_javascript(folder, KNOWN, points)]
    assert len(known) > 140_000
    characters = [f"a{each}b " if place % 3 else each for place, each in enumerate(known)]
    return ["".join(characters[start : start + 40]) for start in range(0, len(characters), 40)]


def hostile_lines(count: int) -> Iterator[str]:
    """Lines of all scripts, and of what has a meaning in tokens."""
    draw = random.Random(1)
    parts = [
        *"\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\u2028\u2029\x00\x01\x7f\ufeff\ufffe\u00ad\u200b\u200c\u200d",
        *"\u200e\u202e\u0301\u0316\u0344\u05b0\u20e3\ufe0f👩🚀🇫🇷🏽 \t\u3000\xa0\"'’,;<>￭▁␛⁇_-.",
        *("e\u0301", "<pad>", "</s>", "<unk>", "<eos>", "␛n", "␛e", "l'", "qu’", "JUSQU'", "ſ's"),
        *(
            "10:30",
            "3.000,50",
            "...",
            "日本語",
            "カタカナ",
            "ひら",
            "ไทย",
            "नमस्ते",
            "שלום",
            "مرحبا",
            "İI",
        ),
        *("hello", "world", "homme", "ſ", "ΑΣ", "ß", "ǆ", "ﬁ", "Å", "한국", "각", "<a", "<b>"),
    ]
    for _ in range(count):
        line = "".join(draw.choice(parts) for _ in range(draw.randint(0, 14)))
        yield line + chr(draw.choice([draw.randint(0x20, 0x2FFF), draw.randint(0x20, 0xD7FF)]))


def check_equal(folder: Path, tokenizer: Tokenizer, lines: list[str]) -> None:
    given = {"tokenizer": describe_tokenizer(tokenizer), "lines": lines}
    for line, (tokens, text) in zip(lines, run_javascript(folder, CUT, given), strict=True):
        expected = tokenizer.tokenize(line)
        assert tokens == expected, line
        assert text == tokenizer.detokenize(expected), line


@pytest.mark.parametrize("lowercase", [False, True])
@pytest.mark.parametrize("symbols", [(), ("<2fr>", "URL", "日本")])
@pytest.mark.parametrize("kind", KINDS)
def test_equal(tmp_path: Path, kind: str, symbols: tuple[str, ...], lowercase: bool) -> None:
    lines = sample_lines()
    texts = [*lines, *(f"<2fr> {line} URL" for line in lines[:100])] if symbols else lines
    texts = [*texts, *hostile_lines(300)]
    tokenizer = build_tokenizer(
        kind, texts, vocab_size=700, lowercase=lowercase, special_symbols=symbols,
        character_coverage=0.99,
    )  # fmt: skip
    more = [*hostile_lines(2_000), *(f"x<2fr>{each}日本 URL" for each in hostile_lines(200))]
    check_equal(tmp_path, tokenizer, [*lines, *more, "", " ", *every_character(tmp_path)])


@pytest.mark.parametrize("kind", KINDS)
def test_long_lines(tmp_path: Path, kind: str) -> None:
    tokenizer = build_tokenizer(kind, sample_lines(), vocab_size=300)
    check_equal(tmp_path, tokenizer, [line[:10_000] for line in LONG])
