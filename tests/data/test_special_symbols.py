"""Symbols that stay whole: in every kind of tokens, drawn or not, in any case, on both sides."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.config.data import DataSettings
from seq2seq.config.language_model import LanguageDataSettings
from seq2seq.data.tokenizers.base import TOKENIZERS, Tokenizer, build_tokenizer, load_tokenizer
from seq2seq.data.tokenizers.normalization import normalize
from seq2seq.data.tokenizers.pipeline import build_pipeline, build_pipelines
from seq2seq.data.tokenizers.sentencepiece import SentencePieceTokenizer, TooFewPiecesError
from seq2seq.data.vocabulary import SPECIAL_TOKENS, UNK_ID
from seq2seq.errors import DataError, SettingsError
from tests.support.hostile import LINE, MARKS

SYMBOLS = ("<2fr>", "<BT>", "｟ph1｠", "Æ", "<2fr>>", "e\u0301A", "7", "\x00")
NAMES = ("<2fr>", "<BT>", "｟ph1｠", "Æ", "<2fr>>", "éA", "7", "\x00")
TEXTS = [
    "<2fr> The quick brown fox jumps over the lazy dog.",
    "<BT> <2fr> Well, l'homme (35 ans) isn't Tom's friend, is he?",
    "Où est-ce que ｟ph1｠ étais hier soir, à 10:30 ?",
    "我们今天去｟ph1｠，你呢？",
    "She reads a book; he reads the newspaper, and the dog reads nothing at all.",
] * 4
ALL = [(kind, lowercase) for kind in TOKENIZERS for lowercase in (False, True)]
BUILT: dict[tuple[str, bool], Tokenizer] = {
    (kind, lowercase): build_tokenizer(
        kind, TEXTS, vocab_size=150, lowercase=lowercase, special_symbols=SYMBOLS
    )
    for kind, lowercase in ALL
}
EACH = pytest.mark.parametrize(("kind", "lowercase"), ALL)
KINDS = pytest.mark.parametrize("kind", list(TOKENIZERS))
SUBWORD = pytest.mark.parametrize("kind", ["unigram", "bpe"])
PARTS = st.one_of(
    st.sampled_from([*SYMBOLS, " ", "a", "The", "<pad>", "<", ">", "␛", ",", "(", "l'", "<bt>"]),
    MARKS,
    LINE,
)
TEXT = st.lists(PARTS, max_size=9).map("".join)
LONGEST_FIRST = re.compile("|".join(map(re.escape, sorted(NAMES, key=len, reverse=True))))


def check(tokenizer: Tokenizer, text: str, tokens: list[str]) -> None:
    """The symbols of a text are tokens, nothing else is one, and the text comes back."""
    form = tokenizer.normalize(text)
    assert tokenizer.detokenize(tokens) == form
    assert [token for token in tokens if token in NAMES] == LONGEST_FIRST.findall(form)
    allowed = {"<unk>"} if tokenizer.kind == "space" else set()
    assert not set(tokens) & {*SPECIAL_TOKENS, ""} - allowed
    assert not any(" " in token for token in tokens)


@EACH
@given(text=TEXT)
def test_a_symbol_is_one_token_wherever_it_stands(kind: str, lowercase: bool, text: str) -> None:
    tokenizer = BUILT[kind, lowercase]
    check(tokenizer, text, tokenizer.tokenize(text))
    if not lowercase:
        assert tokenizer.normalize(text) == normalize(text)


@SUBWORD
@pytest.mark.parametrize("lowercase", [False, True])
@given(text=TEXT)
def test_sampling_does_not_break_a_symbol(kind: str, lowercase: bool, text: str) -> None:
    tokenizer = BUILT[kind, lowercase]
    check(tokenizer, text, tokenizer.tokenize(text, sample=True))


@EACH
@given(text=TEXT)
def test_the_form_of_a_text_has_the_same_tokens(kind: str, lowercase: bool, text: str) -> None:
    tokenizer = BUILT[kind, lowercase]
    assert tokenizer.tokenize(tokenizer.normalize(text)) == tokenizer.tokenize(text)


@EACH
@given(tokens=st.lists(st.one_of(PARTS, st.sampled_from(["￭", "▁", "▁a", "￭,", "␛", "j"]))))
def test_any_tokens_keep_their_symbols(kind: str, lowercase: bool, tokens: list[str]) -> None:
    text = BUILT[kind, lowercase].detokenize(tokens)
    place = 0
    for symbol in (token for token in tokens if token in NAMES):
        place = text.index(symbol, place) + len(symbol)


@pytest.mark.parametrize(
    ("kind", "text", "tokens"),
    [
        ("word", "<2fr> Hello.", "<2fr> Hello ￭."),
        ("word", "<2fr>Hello, <BT>, (<BT>)", "<2fr> ￭ Hello ￭, <BT> ￭, (￭ <BT> ￭)"),
        ("word", "a<BT>b l'<BT>", "a ￭ <BT> ￭ b l ￭'￭ <BT>"),
        ("word", "<BT><BT> <BT>", "<BT> ￭ <BT> <BT>"),
        ("word", "我<BT>们", "我 ￭ <BT> ￭们"),
        ("space", "<2fr> Hello.", "<2fr> Hello."),
        ("space", "x<BT>, <BT><BT>", "x ￭ <BT> ￭ , <BT> ￭ <BT>"),
        ("character", "<2fr> He<BT>", "<2fr> ▁ H e <BT>"),
        ("unigram", "<2fr> a<BT>, <BT>", "<2fr> ▁a ￭ <BT> , <BT>"),
        ("bpe", "<2fr> the<BT>, <BT>", "<2fr> ▁the ￭ <BT> , <BT>"),
        ("bpe", "Ж<BT>Ж<BT> <BT>Ж", "▁ Ж ￭ <BT> Ж ￭ <BT> <BT> Ж"),
    ],
)  # fmt: skip
def test_tokens_by_hand(kind: str, text: str, tokens: str) -> None:
    """The joiner says where no space is; a token beside a symbol is what it is elsewhere."""
    assert BUILT[kind, False].tokenize(text) == tokens.split(" ")


@KINDS
def test_symbols_keep_their_case(kind: str) -> None:
    tokenizer = BUILT[kind, True]
    assert tokenizer.normalize("<BT> Hello <bt> <2FR> Æ É") == "<BT> hello <bt> <2fr> Æ é"
    assert tokenizer.tokenize("Ah <2FR>").count("<2fr>") == 1, "what becomes a symbol is one"
    assert "<BT>" in tokenizer.tokenize("<BT> Hello")


@EACH
def test_a_saved_tokenizer_has_its_symbols(kind: str, lowercase: bool, tmp_path: Path) -> None:
    tokenizer, path = BUILT[kind, lowercase], tmp_path / "tokenizer"
    tokenizer.save(path)
    loaded = load_tokenizer(path)
    assert loaded.special_symbols == tokenizer.special_symbols == NAMES
    assert loaded.tokenize_all(TEXTS) == tokenizer.tokenize_all(TEXTS)
    assert loaded.pieces == tokenizer.pieces
    content = json.loads(path.read_bytes())
    for damaged in ("<2fr>", [3], ["a b"], ["<pad>"]):
        path.write_text(json.dumps({**content, "special_symbols": damaged}))
        with pytest.raises(DataError, match="is not a tokenizer"):
            load_tokenizer(path)
    if tokenizer.pieces:
        del content["special_symbols"]
        path.write_text(json.dumps(content))
        with pytest.raises(DataError, match="not those that its model was trained with"):
            load_tokenizer(path)


@KINDS
def test_without_symbols_the_file_says_nothing_of_them(kind: str, tmp_path: Path) -> None:
    build_tokenizer(kind, TEXTS, vocab_size=150).save(tmp_path / "tokenizer")
    assert b"symbols" not in (tmp_path / "tokenizer").read_bytes()


@KINDS
@pytest.mark.parametrize("joint", [False, True])
def test_symbols_have_ids_on_both_sides_however_rare(kind: str, joint: bool) -> None:
    settings = DataSettings(
        tokenizer=kind,
        vocab_size=60,
        joint=joint,
        target_tokenizer="same" if joint else "character",
        special_symbols=("<2fr>", "<never>", "｟ph1｠"),
    )
    plain = ["the cat sees a dog", "a dog, the cat"]
    for encoded in build_pipelines([f"<2fr>{line}" for line in plain], plain, settings):
        pipeline = encoded.pipeline
        assert len(pipeline.vocab) <= 60
        for symbol in settings.special_symbols:
            (number,) = pipeline.encode([symbol])[0]
            assert number != UNK_ID
            assert pipeline.decode([number]) == symbol
            together = f"{symbol}{symbol} {symbol}"
            ids = pipeline.encode([together])[0]
            assert ids.count(number) == 3
            assert pipeline.decode(ids) == together, "the joiner has an id, too"


@SUBWORD
def test_symbols_count_among_the_tokens_of_a_vocabulary(kind: str) -> None:
    plain = build_pipeline(TEXTS, DataSettings(), kind, 80).pipeline
    settings = DataSettings(special_symbols=("<2fr>", "<BT>", "x\u0301y"))
    marked = build_pipeline(TEXTS, settings, kind, 80).pipeline
    assert len(plain.vocab) == len(marked.vocab) == 80
    assert list(marked.vocab)[4:8] == ["<2fr>", "<BT>", "x\u0301y", "￭"]
    with pytest.raises(
        SettingsError, match=r"--data.vocab-size 20 is too small: the text .* (\d+)"
    ):
        build_pipeline(TEXTS, settings, kind, 20)


@SUBWORD
def test_what_a_small_vocabulary_needs_is_enough(kind: str) -> None:
    with pytest.raises(TooFewPiecesError) as caught:
        build_tokenizer(kind, TEXTS, vocab_size=20, special_symbols=SYMBOLS)
    enough = build_tokenizer(kind, TEXTS, vocab_size=caught.value.needed, special_symbols=SYMBOLS)
    assert enough.pieces is not None
    assert len(enough.pieces) + len(SPECIAL_TOKENS) == caught.value.needed


@SUBWORD
def test_text_of_symbols_alone_is_none_to_learn_from(kind: str) -> None:
    with pytest.raises(DataError, match="no text to train a tokenizer on"):
        build_tokenizer(kind, ["<2fr>", " <2fr> <2fr>"], vocab_size=50, special_symbols=["<2fr>"])


@KINDS
@pytest.mark.parametrize("symbol", ["", "a b", "<unk>", "a￭", "\ud800"])
def test_impossible_symbols_are_refused_by_every_kind(kind: str, symbol: str) -> None:
    with pytest.raises(SettingsError, match=r"--data\.special-symbols"):
        build_tokenizer(kind, TEXTS, vocab_size=100, special_symbols=[symbol])


@KINDS
def test_a_single_string_is_no_list_of_symbols(kind: str) -> None:
    """Each of its characters would be one."""
    with pytest.raises(DataError, match="special_symbols is '<2fr>'"):
        build_tokenizer(kind, TEXTS, vocab_size=100, special_symbols="<2fr>")


@pytest.mark.parametrize("kind", [DataSettings, LanguageDataSettings])
def test_settings_take_a_list_of_symbols(
    kind: type[DataSettings] | type[LanguageDataSettings],
) -> None:
    for given_symbols in (["e\u0301"], ("e\u0301",)):
        made = kind(special_symbols=given_symbols)  # type: ignore[arg-type]
        assert made == kind(special_symbols=("\u00e9",)), "in the form that text has"


def test_symbols_are_told_to_a_model_that_was_trained_with_them() -> None:
    built = BUILT["bpe", False]
    assert isinstance(built, SentencePieceTokenizer)
    SentencePieceTokenizer(built.model_proto, special_symbols=["<other>"])
    with pytest.raises(DataError, match="not those that its model was trained with"):
        SentencePieceTokenizer(built.model_proto)
