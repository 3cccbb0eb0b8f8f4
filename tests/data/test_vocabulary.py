import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.data.vocabulary import (
    BOS_ID,
    EOS_ID,
    FORMAT,
    PAD_ID,
    SPECIAL_TOKENS,
    UNK_ID,
    NestedTokens,
    Vocab,
)
from seq2seq.errors import DataError, SettingsError

SENTENCES = [["b", "a", "b"], ["c", "a", "b"], ["d", "<eos>"]]
WORDS = st.text(st.characters(codec="utf-8"), max_size=6)


def all_tokens(vocab: Vocab) -> list[str]:
    return vocab.tokens(list(range(len(vocab))))


def test_specials_come_first_then_tokens_by_falling_count_then_by_code_point() -> None:
    vocab = Vocab.build(SENTENCES)
    assert all_tokens(vocab) == ["<pad>", "<unk>", "<bos>", "<eos>", "b", "a", "c", "d"]
    assert [vocab.count(token) for token in "bacd"] == [3, 2, 1, 1]
    assert vocab["<pad>", "<unk>", "<bos>", "<eos>"] == [PAD_ID, UNK_ID, BOS_ID, EOS_ID]


def test_order_does_not_depend_on_the_order_of_the_text() -> None:
    assert Vocab.build(SENTENCES) == Vocab.build(SENTENCES[::-1])


def test_a_special_in_the_text_is_not_counted() -> None:
    vocab = Vocab.build(SENTENCES)
    assert vocab.count("<eos>") == 0
    assert len(set(all_tokens(vocab))) == len(vocab) == 8


def test_minimum_frequency_and_maximum_size() -> None:
    assert all_tokens(Vocab.build(SENTENCES, min_frequency=2))[4:] == ["b", "a"]
    assert all_tokens(Vocab.build(SENTENCES, max_size=5))[4:] == ["b"]
    assert len(Vocab.build(SENTENCES, max_size=4)) == 4
    assert len(Vocab.build([])) == 4


def test_reserved_tokens_follow_the_specials_and_stay_however_rare() -> None:
    vocab = Vocab.build(SENTENCES, reserved=["<2fr>", "c"], min_frequency=2, max_size=7)
    assert all_tokens(vocab)[4:] == ["<2fr>", "c", "b"]
    assert (vocab.count("<2fr>"), vocab.count("c")) == (0, 1)


def test_pieces_are_all_there_and_nothing_else_is() -> None:
    vocab = Vocab.build(SENTENCES, pieces=["z", "y", "a", "b", "<eos>"], min_frequency=2)
    assert all_tokens(vocab)[4:] == ["b", "a", "y", "z"]
    assert "c" not in vocab
    assert vocab["c"] == UNK_ID


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"min_frequency": 0}, "min_frequency is 0"),
        ({"max_size": 3}, "max_size is 3"),
        ({"max_size": 5, "reserved": ["x", "y"]}, "need 6"),
        ({"max_size": 5, "pieces": ["x", "y"]}, "2 SentencePiece pieces need 6"),
        ({"reserved": ["x", "x"]}, "different"),
        ({"reserved": ["<pad>"]}, "different"),
    ],
)
def test_impossible_settings_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Vocab.build(SENTENCES, **arguments)  # type: ignore[arg-type]


def test_lookup_keeps_the_nesting() -> None:
    vocab = Vocab.build(SENTENCES)
    nested: list[NestedTokens] = [["a", "?"], [], [["b"]]]
    assert vocab[nested] == [[5, UNK_ID], [], [[4]]]
    assert vocab.tokens([[5, 1], [], [[4]]]) == [["a", "<unk>"], [], [["b"]]]
    assert vocab["a"] == 5
    assert vocab.tokens(5) == "a"
    assert vocab.ids(["a", "?", "<eos>"]) == [5, UNK_ID, EOS_ID]


@pytest.mark.parametrize(
    "sentences",
    ["a b", ["a", "dog"], [["a"], "dog"], b"ab", 3, [3], [[3]], [[["a"]]], {"a": ["b"]}],
)
def test_what_would_become_letters_is_refused(sentences: object) -> None:
    with pytest.raises(DataError, match="sentences"):
        Vocab.build(sentences)  # type: ignore[arg-type]


def test_sentences_may_come_one_by_one() -> None:
    assert Vocab.build(tuple(tokens) for tokens in SENTENCES) == Vocab.build(SENTENCES)


def test_its_tokens_in_a_list() -> None:
    vocab = Vocab.build(SENTENCES)
    assert list(vocab) == all_tokens(vocab)
    assert [vocab[token] for token in vocab] == list(range(len(vocab)))


@pytest.mark.parametrize("make", [torch.tensor, np.array])
def test_ids_may_be_a_tensor_or_an_array(make: Callable[[object], Any]) -> None:
    vocab = Vocab.build(SENTENCES)
    assert vocab.tokens(make([[5, 1], [4, 4]])) == [["a", "<unk>"], ["b", "b"]]
    assert vocab.tokens(make([5, 4])) == ["a", "b"]
    assert vocab.tokens(make(5)) == "a"
    assert vocab.tokens([make(5), make([4])]) == ["a", ["b"]]
    assert vocab.tokens(make([])) == []
    for wrong in (make([1.5]), make([-1]), make([[8]])):
        with pytest.raises(DataError, match=r"id"):
            vocab.tokens(wrong)


def test_ids_are_the_way_back_from_tokens() -> None:
    vocab = Vocab.build(SENTENCES)
    for ids in (5, [5, 4], [[5], [4, 1]], []):
        assert vocab.ids(vocab.tokens(ids)) == vocab[vocab.tokens(ids)] == ids
    assert vocab.ids("ab") == UNK_ID, "one token, not two letters"
    assert vocab.ids(np.array([["a", "b"]])) == [[5, 4]]
    assert vocab.tokens(range(4)) == [*SPECIAL_TOKENS]


def test_ids_and_tokens_are_not_mixed_up() -> None:
    vocab = Vocab.build(SENTENCES)
    for wrong in (5, [5], None):
        with pytest.raises(DataError, match=r"ids are for \.tokens"):
            vocab.ids(wrong)  # type: ignore[call-overload]
        with pytest.raises(DataError, match=r"ids are for \.tokens"):
            vocab[wrong]  # type: ignore[call-overload]
    for other in ("a", ["a"], 1.5, None):
        with pytest.raises(DataError, match=r"tokens are for \.ids"):
            vocab.tokens(other)


def test_a_path_may_be_a_string(tmp_path: Path) -> None:
    path = str(tmp_path / "v.json")
    Vocab.build(SENTENCES).save(path)
    assert Vocab.load(path) == Vocab.build(SENTENCES)


@pytest.mark.parametrize("index", [-1, 8, 10**9])
def test_an_id_outside_the_vocabulary_is_an_error(index: int) -> None:
    with pytest.raises(DataError, match=rf"id {index} .* from 0 to 7"):
        Vocab.build(SENTENCES).tokens([4, index])


@given(st.lists(st.lists(WORDS)))
def test_every_token_comes_back_from_its_id(sentences: list[list[str]]) -> None:
    vocab = Vocab.build(sentences)
    for sentence in sentences:
        assert vocab.tokens(vocab.ids(sentence)) == sentence
    assert len({vocab[token] for token in all_tokens(vocab)}) == len(vocab)


@given(sentences=st.lists(st.lists(WORDS)))
def test_saved_and_loaded_it_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, sentences: list[list[str]]
) -> None:
    vocab = Vocab.build(sentences)
    path = tmp_path_factory.mktemp("vocab") / "vocab.json"
    vocab.save(path)
    loaded = Vocab.load(path)
    assert loaded == vocab
    assert loaded.fingerprint == vocab.fingerprint
    assert [loaded.count(t) for t in all_tokens(loaded)] == [
        vocab.count(t) for t in all_tokens(vocab)
    ]


def test_the_file_is_what_the_documentation_says(tmp_path: Path) -> None:
    Vocab.build([["é"]]).save(tmp_path / "vocab.json")
    text = (tmp_path / "vocab.json").read_text(encoding="utf-8")
    assert "é" in text
    assert json.loads(text) == {
        "format": "seq2seq vocabulary 1",
        "tokens": [*SPECIAL_TOKENS, "é"],
        "counts": [0, 0, 0, 0, 1],
    }


def test_the_fingerprint_tells_vocabularies_apart() -> None:
    one, other = Vocab.build([["ab", "c"]]), Vocab.build([["a", "bc"]])
    assert one.fingerprint != other.fingerprint
    assert one != other
    assert len(one.fingerprint) == 64
    # Counts are no part of it: they change no id.
    assert Vocab.build([["a"]]).fingerprint == Vocab.build([["a", "a"]]).fingerprint
    assert hash(one) == hash(Vocab.build([["c", "ab"]]))


GOOD = [*SPECIAL_TOKENS, "a"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b"[]",
        b"[" * 100_000,
        json.dumps({"tokens": GOOD, "counts": [0] * 5}).encode(),
        json.dumps({"format": "seq2seq vocabulary 2", "tokens": GOOD, "counts": [0] * 5}).encode(),
        *(
            json.dumps({"format": FORMAT, "tokens": tokens, "counts": counts}).encode()
            for tokens, counts in [
                (GOOD, [0] * 4),
                (GOOD, None),
                ("abcd", [0] * 4),
                ([*GOOD, "a"], [0] * 6),
                ([*GOOD, 7], [0] * 6),
                ([*GOOD, ["x"]], [0] * 6),
                ([*GOOD, "\ud800"], [0] * 6),
                (GOOD[1:], [0] * 4),
                (["<unk>", "<pad>", "<bos>", "<eos>"], [0] * 4),
                ([], []),
                (GOOD, [0, 0, 0, 0, -1]),
                (GOOD, [0, 0, 0, 0, True]),
                (GOOD, [0, 0, 0, 0, 1.5]),
            ]
        ),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"broken\.json"):
        Vocab.load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.json"):
        Vocab.load(tmp_path / "none.json")
