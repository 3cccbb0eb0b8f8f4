"""Tokenizers under attack: lines of any length and characters, and models from strangers."""

import base64
import hashlib
import json
import math
import struct
import unicodedata
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq.data.tokenizers.base import TOKENIZERS, Tokenizer, build_tokenizer, load_tokenizer
from seq2seq.data.tokenizers.normalization import normalize, to_nfc
from seq2seq.data.tokenizers.sentencepiece import SentencePieceTokenizer, seed_sampling
from seq2seq.data.tokenizers.subword_regularization import MAX_MERGED_LENGTH, BpeSampler
from seq2seq.errors import DataError, SettingsError
from tests.support.hostile import LONG

TEXTS = [
    "Where is the dog's abc abd?",
    "L'homme — été, e\u0301te\u0301…",
    "l'l' -.-. 我们 👩\u200d🚀",
]
BUILT: dict[str, Tokenizer] = {
    kind: build_tokenizer(kind, TEXTS * 9, vocab_size=80) for kind in TOKENIZERS
}
EACH = pytest.mark.parametrize("kind", list(TOKENIZERS))
SUBWORD = pytest.mark.parametrize("kind", ["unigram", "bpe"])


@pytest.mark.slow
@EACH
def test_long_lines_come_back(kind: str) -> None:
    """In seconds; what takes quadratic time would take hours."""
    tokenizer = BUILT[kind]
    for line in LONG:
        assert tokenizer.detokenize(tokenizer.tokenize(line)) == normalize(line)


@SUBWORD
def test_long_lines_come_back_when_sampled(kind: str) -> None:
    tokenizer = BUILT[kind]
    for line in ("abc" * 10_000, "a" * 30_000, "l'" * 10_000):
        assert tokenizer.detokenize(tokenizer.tokenize(line, sample=True)) == line


@pytest.mark.slow
@SUBWORD
def test_pieces_are_learnt_from_hostile_lines(kind: str) -> None:
    """The long one is more than SentencePiece's unigram can sum over by itself."""
    hard = ["\0", "a\0b", "\ufeff", "▅ ▁", "<eos> </s>", "\u0301", "\ud800", "\U0010ffff\uffff", ""]
    tokenizer = build_tokenizer(kind, [*hard, *TEXTS, "l'" * 50_000], vocab_size=120)
    for line in [*hard, *TEXTS]:
        for sample in (False, True):
            found = tokenizer.detokenize(tokenizer.tokenize(line, sample=sample))
            assert found == normalize(line)


def test_very_long_words_are_merged_in_parts() -> None:
    scores = {"ab": 0.0, "abab": -1.0, "a": -2.0, "b": -3.0}
    pieces = BpeSampler(scores, 0.0).draw("ab" * MAX_MERGED_LENGTH, Random(1))
    part = ["abab"] * (MAX_MERGED_LENGTH // 4) + ["ab"] * (MAX_MERGED_LENGTH % 4 // 2)
    assert pieces == part * 2


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([*"aéσ\u1100\uac00\u0344\u0f73 ", ""]),
            st.lists(
                st.sampled_from("\u0301\u0316\u0344\u0340\u05b0\u3099\u0f71\u0f74\u1161\u11a8"),
                max_size=9,
            ),
        ),
        min_size=1,
    ),
    st.integers(0, 300),
)
def test_marks_are_put_in_order_as_unicode_says(
    parts: list[tuple[str, list[str]]], more: int
) -> None:
    """Beyond a thousand characters, they are sorted before; below, they are not."""
    text = "".join(base + "".join(marks) for base, marks in parts) * 50 + "\u0301\u0316" * more
    assert to_nfc(text) == unicodedata.normalize("NFC", text)


# ---------------------------------------------------------------------------------------------
# the form of text, on record


@EACH
def test_the_form_of_text_is_on_record(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer"
    BUILT[kind].save(path)
    content = json.loads(path.read_bytes())
    assert content["normalization"] == "NFC"
    for other in ("NFKC", "", None, 3, *(["NFC, white space kept"] * (kind != "character"))):
        path.write_text(json.dumps({**content, "normalization": other}))
        with pytest.raises(DataError, match=r'tokenizer .*"normalization" is .*, not "NFC"'):
            load_tokenizer(path)
    del content["normalization"]  # as the first versions wrote it
    path.write_text(json.dumps(content))
    assert load_tokenizer(path).tokenize("e\u0301te\u0301") == BUILT[kind].tokenize("été")


# ---------------------------------------------------------------------------------------------
# models from strangers


def varint(value: int) -> bytes:
    low, value = value & 127, value >> 7
    return bytes([low | 128]) + varint(value) if value else bytes([low])


def field(number: int, value: int | float | bytes) -> bytes:
    """A field of a Protocol Buffers message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def piece(text: str | bytes, score: float = -1.0, kind: int = 1) -> bytes:
    data = text if isinstance(text, bytes) else text.encode()
    return field(1, field(1, data) + field(2, score) + field(3, kind))


def model(*more: bytes, kind: int = 1) -> bytes:
    """A model of a few pieces, and what else is given."""
    pieces = [piece("<unk>", 0.0, 2), *map(piece, ("▁", "a", "b", "▁a"))]
    identity = field(3, field(1, b"identity") + field(2, b""))
    return b"".join([*pieces, field(2, field(3, kind)), identity, *more])


@pytest.mark.parametrize("kind", [1, 2])
def test_a_model_made_by_hand_is_read(kind: int) -> None:
    tokenizer = SentencePieceTokenizer(model(kind=kind))
    assert tokenizer.pieces == ["▁", "a", "b", "▁a"]
    assert tokenizer.tokenize("a b c") == ["▁a", "▁", "b", "▁", "c"]
    assert tokenizer.detokenize(tokenizer.tokenize("ab c", sample=True)) == "ab c"


@pytest.mark.parametrize("kind", [1, 2])
def test_a_model_made_by_hand_may_have_the_mark_of_symbols(kind: int) -> None:
    marked = model(piece("\x1f", 0.0, 4), kind=kind)
    tokenizer = SentencePieceTokenizer(marked, special_symbols=["<x>"])
    assert tokenizer.pieces == ["<x>", "￭", "▁", "a", "b", "▁a"]
    for sample in (False, True):
        tokens = tokenizer.tokenize("a<x> <x>cc", sample=sample)
        assert tokens[-4:] == ["￭", "<x>", "<x>", "cc"]
        assert tokenizer.detokenize(tokens) == "a<x> <x>cc"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "no pieces"),
        (piece("<unk>", 0.0, 2), "no pieces"),
        (model()[:-3], "cut short"),
        (b"\x0a\xff", "cut short"),
        (b"\x80" * 30, "too long"),
        (b"\x0b", "no such message"),
        (field(1, 3), "of another kind"),
        (field(1, field(2, 3)), "of another kind"),
        (field(1, field(3, b"x")), "of another kind"),
        (model(piece(b"\xed\xa0\x80")), "not UTF-8"),
        (field(1, field(1, b"a") + field(2, b"xx")), "its score is no number"),
        (model(piece("")), "a piece ''"),
        (model(piece("c", math.nan)), "a piece 'c' with the score nan"),
        (model(piece("c", math.inf)), "a piece 'c' with the score inf"),
        (model(piece("c", 3e38)), "a piece 'c' with the score 3"),
        (model(piece("<0x41>", 0.0, 6)), "'<0x41>' is of the type 6"),
        (model(piece("c", 0.0, 2**32 + 6)), "of the type 4294967302"),
        (model(piece("x", 0.0, 4)), "'x' is of the type 4"),
        (model(piece("\x1f", 0.0, 1)), "of the type 1"),
        (model(piece("a\x1f", 0.0, 4)), "of the type 4"),
        (model(piece("\x1f", 0.0, 4)), "not those that its model was trained with"),
        (model(kind=3), "neither unigram nor BPE"),
        (model(field(2, field(35, 1))), "pieces for bytes"),
        (model(field(2, field(24, 1))), "spaces behind words"),
        (model(field(3, field(2, b"\xff\xff\xff\x7f"))), "changes characters or spaces"),
        (model(field(5, field(2, b"\xff\xff\xff\x7f"))), "changes characters or spaces"),
        (model(field(3, field(5, 0))), "changes characters or spaces"),
        (model(field(4, field(1, b"x"))), "tests in it"),
        (model(piece("a")), "not a SentencePiece model"),  # SentencePiece's own: twice
    ],
)
def test_a_model_that_could_do_harm_is_refused(data: bytes, problem: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=problem):
        SentencePieceTokenizer(data)
    content = {
        "kind": "sentencepiece",
        "alpha": 0.1,
        "lowercase": False,
        "sha256": hashlib.sha256(data).hexdigest(),  # whoever changes a model can change this, too
        "model": base64.b64encode(data).decode(),
    }
    path = tmp_path / "broken.tokenizer"
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"broken\.tokenizer is not a tokenizer"):
        load_tokenizer(path)


@pytest.mark.parametrize("alpha", [-0.1, math.nan, math.inf, 1e7, 10**400])
def test_an_alpha_that_can_not_be_computed_with_is_refused(alpha: Any) -> None:
    with pytest.raises(SettingsError, match="alpha must be at least 0 and at most 1,000,000"):
        SentencePieceTokenizer(model(), alpha=alpha)


@pytest.mark.parametrize("kind", [1, 2])
def test_extreme_scores_can_be_drawn_from(kind: int) -> None:
    data = model(piece("ab", 1e9), piece("ba", -1e9), kind=kind)
    tokenizer = SentencePieceTokenizer(data, alpha=1e6 if kind == 1 else 0.5)
    seed_sampling(1)
    assert tokenizer.detokenize(tokenizer.tokenize("abab" * 30, sample=True)) == "abab" * 30
