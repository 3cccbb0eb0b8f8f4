"""More tokens for more text: the old text stays as it was, to the id."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.config.data import DataSettings, TokenizerKind
from seq2seq.data.tokenizers.base import TOKENIZERS
from seq2seq.data.tokenizers.extension import extend_pipeline
from seq2seq.data.tokenizers.pipeline import TextPipeline, build_pipeline
from seq2seq.data.vocabulary import UNK_ID

OLD = ["the cat sees a house", "a house sees the <a> cat", "houses see cats, and cats see them"] * 4
NEW = ["кошка видит дом", "дом видит кошку, the cat", "a дом<a>", "кошки видят дома и cats"] * 4
KINDS = list(TOKENIZERS)


def settings(kind: Any, **others: Any) -> DataSettings:
    return DataSettings(tokenizer=kind, vocab_size=60, special_symbols=("<a>",), **others)


PIPELINES = {kind: build_pipeline(OLD, settings(kind), kind, 60).pipeline for kind in KINDS}
EXTENDED = {kind: extend_pipeline(PIPELINES[kind], NEW, settings(kind)) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_new_text_has_tokens_and_comes_back(kind: str) -> None:
    pipeline, ids = EXTENDED[kind]
    assert ids == pipeline.encode(NEW)
    assert UNK_ID in {index for each in PIPELINES[kind].encode(NEW) for index in each}
    assert UNK_ID not in {index for each in ids for index in each}
    assert [pipeline.decode(each) for each in ids] == NEW


@pytest.mark.parametrize("kind", KINDS)
def test_old_tokens_keep_their_ids(kind: str) -> None:
    old, new = PIPELINES[kind].vocab, EXTENDED[kind].pipeline.vocab
    assert [*new][: len(old)] == [*old]
    assert len(new) > len(old)
    counted = {token for token in new if token not in old and new.count(token)}
    assert counted or kind == "bpe"


@pytest.mark.parametrize("kind", KINDS)
@given(text=st.text("".join(sorted(set("".join(OLD)))), max_size=30))
def test_text_of_old_characters_is_cut_as_before(kind: str, text: str) -> None:
    """Words that were unknown may be known now; here all words are of old characters."""
    old, new = PIPELINES[kind].tokenizer, EXTENDED[kind].pipeline.tokenizer
    assert new.tokenize(text) == old.tokenize(text)
    assert new.detokenize(new.tokenize(text)) == new.normalize(text)


@pytest.mark.parametrize("kind", KINDS)
def test_where_nothing_is_new_nothing_changes(kind: str) -> None:
    pipeline, _ = extend_pipeline(PIPELINES[kind], OLD, settings(kind))
    assert pipeline.vocab == PIPELINES[kind].vocab
    assert pipeline.tokenizer.pieces == PIPELINES[kind].tokenizer.pieces


def test_rare_words_stay_unknown_and_there_is_a_limit() -> None:
    base: TextPipeline = PIPELINES["word"]
    often = DataSettings(tokenizer="word", min_frequency=5, special_symbols=("<a>",))
    extended = extend_pipeline(base, [*NEW, "редко"], often).pipeline.vocab
    assert "дом" in extended
    assert "редко" not in extended
    few = DataSettings(tokenizer="word", vocab_size=6, special_symbols=("<a>",))
    assert len(extend_pipeline(base, NEW, few).pipeline.vocab) == len(base.vocab) + 6


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_more_characters_than_there_were_pieces(kind: TokenizerKind) -> None:
    text = ["".join(map(chr, range(0x4E00, 0x4E00 + 200)))]
    pipeline, ids = extend_pipeline(PIPELINES[kind], text, settings(kind))
    assert pipeline.decode(ids[0]) == text[0]
    assert UNK_ID not in ids[0]


@pytest.mark.parametrize("first", [(), ("<a>",)])
@pytest.mark.parametrize("kind", KINDS)
def test_symbols_may_be_added(kind: TokenizerKind, first: tuple[str, ...]) -> None:
    few = DataSettings(tokenizer=kind, vocab_size=60, special_symbols=first)
    more = DataSettings(tokenizer=kind, vocab_size=60, special_symbols=("<2ru>", *first))
    base = build_pipeline(OLD, few, kind, 60).pipeline
    text = "<2ru> дом <2ru>дом"
    pipeline, ids = extend_pipeline(base, [text, *OLD], more)
    assert pipeline.tokenizer.special_symbols == (*first, "<2ru>")
    assert pipeline.vocab.tokens(ids[0])[0] == "<2ru>"
    assert pipeline.decode(ids[0]) == text
    assert pipeline.encode(OLD) == base.encode(OLD)
    assert [*pipeline.vocab][: len(base.vocab)] == [*base.vocab]
