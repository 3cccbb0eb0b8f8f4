import json
import subprocess
import sys
import threading
import unicodedata
from collections import Counter
from math import exp
from pathlib import Path
from random import Random
from typing import Literal, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq.config.data import TokenizerKind
from seq2seq.data.tokenizers.base import TOKENIZERS, Tokenizer, build_tokenizer, load_tokenizer
from seq2seq.data.tokenizers.normalization import normalize
from seq2seq.data.tokenizers.rule_based import CharacterTokenizer, SpaceTokenizer, WordTokenizer
from seq2seq.data.tokenizers.sentencepiece import SentencePieceTokenizer, seed_sampling
from seq2seq.data.tokenizers.subword_regularization import BpeSampler, UnigramSampler
from seq2seq.data.vocabulary import SPECIAL_TOKENS, UNK, UNK_ID, Vocab
from seq2seq.errors import DataError, SettingsError
from tests.support.hostile import LINE

TEXTS = [
    "The quick brown fox jumps over the lazy dog.",
    "Well, l'homme (35 ans) isn't Tom's friend, is he?",
    "Où est-ce que tu étais hier soir, à 10:30 ?",
    "It costs 3,000.50 euros, doesn't it? Yes, it does!",
    "我们今天去北京，你呢？",
    "She reads a book; he reads the newspaper, and the dog reads nothing at all.",
] * 3

BUILT: dict[str, Tokenizer] = {
    kind: build_tokenizer(kind, TEXTS, vocab_size=150) for kind in TOKENIZERS
}
EACH = pytest.mark.parametrize("kind", list(TOKENIZERS))
SUBWORD = pytest.mark.parametrize("kind", ["unigram", "bpe"])

# Hypothesis would seldom find these by itself.
TRAPS = st.sampled_from(
    [*SPECIAL_TOKENS, *"￭▁␛⁇<>'’-_.,!\u0301\u200d\u3000\u2028\x0b\x1c\t\xa0ßİＡ们のタ", "␛e", "␛j",
     "␛n", "l'", "'s", "3,000", "</s>", "<s>", "e\u0301", "\ud7ff", "👩‍🚀", "\x00", "▅", "don't"]
)  # fmt: skip
TEXT = st.one_of(
    LINE,
    st.text(),
    st.lists(TRAPS).map("".join),
    st.lists(st.one_of(TRAPS, st.text())).map("".join),
)
TOKENS = st.lists(st.one_of(TRAPS, st.text(max_size=4), st.sampled_from(["￭,", "(￭", "▁a", "￭￭"])))


@pytest.mark.slow
@EACH
@settings(max_examples=300)
@given(text=TEXT)
def test_text_comes_back_exactly(kind: str, text: str) -> None:
    tokenizer = BUILT[kind]
    expected = " ".join(unicodedata.normalize("NFC", text).split())
    assert normalize(text) == expected
    tokens = tokenizer.tokenize(text)
    assert tokenizer.detokenize(tokens) == expected
    assert not any("\n" in token for token in tokens)


@EACH
@given(text=TEXT)
def test_text_comes_back_in_lower_case(kind: TokenizerKind, text: str) -> None:
    tokenizer = LOWERCASE[kind]
    assert tokenizer.detokenize(tokenizer.tokenize(text)) == normalize(text, lowercase=True)


LOWERCASE = {
    kind: build_tokenizer(kind, TEXTS, vocab_size=150, lowercase=True) for kind in TOKENIZERS
}


@pytest.mark.slow
@EACH
@given(text=TEXT)
def test_no_text_becomes_a_special_token(kind: str, text: str) -> None:
    allowed = {UNK} if kind == "space" else set()
    assert not set(BUILT[kind].tokenize(text)) & {*SPECIAL_TOKENS, ""} - allowed


@SUBWORD
def test_the_order_of_texts_makes_no_difference(kind: TokenizerKind, sample: Path) -> None:
    texts = 2 * (sample / "train.en").read_text(encoding="utf-8").splitlines()[:2000]
    pieces = build_tokenizer(kind, texts, vocab_size=500).pieces
    assert pieces == build_tokenizer(kind, sorted(texts), vocab_size=500).pieces


@SUBWORD
def test_no_special_token_is_learnt_or_injected(kind: TokenizerKind) -> None:
    texts = ["a<pad> b<pad> x<eos> y<eos> <unk> <bos> </s> <s>"] * 20
    tokenizer = build_tokenizer(kind, texts, vocab_size=100)
    assert tokenizer.pieces is not None
    assert not {*SPECIAL_TOKENS, "<s>", "</s>"} & set(tokenizer.pieces)
    vocab = Vocab.build(tokenizer.tokenize_all(texts), pieces=tokenizer.pieces)
    # In a model where its letters are unknown, a name would be one unknown run, whole.
    stranger = build_tokenizer(kind, ["xy xz yz"] * 5, vocab_size=20)
    for name in SPECIAL_TOKENS:
        for text in (name, f"a{name}b", f"a {name} b"):
            assert not set(vocab.ids(tokenizer.tokenize(text))) & {0, 1, 2, 3}
            assert name not in stranger.tokenize(text)
            assert stranger.detokenize(stranger.tokenize(text)) == text


@EACH
@given(tokens=TOKENS)
def test_any_tokens_can_be_put_back_together(kind: str, tokens: list[str]) -> None:
    text = BUILT[kind].detokenize(tokens)
    assert text == BUILT[kind].detokenize(["<bos>", *tokens, "<eos>", "<pad>", "<pad>"])


@EACH
def test_unknown_tokens_are_shown_and_the_other_specials_are_not(kind: str) -> None:
    tokens = BUILT[kind].tokenize("the dog")
    text = BUILT[kind].detokenize(["<bos>", *tokens, "<unk>", "<eos>", "<pad>"])
    assert text.replace(" ", "") == ("thedog<unk>" if kind == "space" else "thedog⁇")


@EACH
def test_a_list_gives_what_its_texts_give(kind: str) -> None:
    texts = [*TEXTS, "", " \t", "ganz fremd 日本"]
    tokenizer = BUILT[kind]
    assert tokenizer.tokenize_all(texts) == [tokenizer.tokenize(text) for text in texts]
    assert tokenizer.tokenize_all([]) == []
    assert tokenizer.tokenize(" \u3000") == []
    assert tokenizer.detokenize([]) == ""


@pytest.mark.slow
@EACH
@given(text=TEXT)
def test_the_unicode_form_makes_no_difference(kind: str, text: str) -> None:
    tokenizer = BUILT[kind]
    decomposed = unicodedata.normalize("NFD", text)
    assert tokenizer.tokenize(decomposed) == tokenizer.tokenize(text)


def test_a_lone_surrogate_is_replaced() -> None:
    assert normalize("a\ud800b") == "a\ufffdb"
    for tokenizer in BUILT.values():
        assert tokenizer.detokenize(tokenizer.tokenize("a\ud800b")) == "a\ufffdb"


# ---------------------------------------------------------------------------------------------
# words


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Well, yes.", "Well ￭, yes ￭."),
        ("(see below)", "(￭ see below ￭)"),
        ('He said "no".', 'He said "￭ no ￭" ￭.'),
        ("l'homme, L’eau, qu'il", "l'￭ homme ￭, L’￭ eau ￭, qu'￭ il"),
        ("aujourd'hui, don't, rock'n'roll", "aujourd'hui ￭, don't ￭, rock'n'roll"),
        ("Tom's, I'll, he’d", "Tom ￭'s ￭, I ￭'ll ￭, he ￭’d"),
        ("Où est-ce ?", "Où est ￭-￭ ce ?"),
        ("3,000.50 at 10:30.", "3,000.50 at 10:30 ￭."),
        ("3.5kg 2nd", "3.5 ￭kg 2nd"),
        ("Hm... what?!", "Hm ￭... what ￭? ￭!"),
        ("我们去，好。", "我 ￭们 ￭去 ￭， ￭好 ￭。"),
        ("用Python写", "用 ￭Python ￭写"),
        ("東京タワーへ", "東 ￭京 ￭タワー ￭へ"),
        ("हिन्दी में", "हिन्दी में"),
        ("a_b <pad>", "a ￭_￭ b <￭ pad ￭>"),
        ("a ￭ b￭", "a ␛j b ￭␛j"),
    ],
)
def test_words(text: str, tokens: str) -> None:
    assert WordTokenizer().tokenize(text) == tokens.split(" ")


def test_a_word_is_the_same_token_before_punctuation() -> None:
    tokens = WordTokenizer().tokenize("dog, dog. (dog) dog")
    assert tokens.count("dog") == 4


def test_words_of_a_model_join_sensibly() -> None:
    tokens = ["￭,", "Hello", "￭,", "￭world", "<unk>", "￭!", "(￭", "(￭"]
    assert WordTokenizer().detokenize(tokens) == ", Hello,world ⁇! (("


# ---------------------------------------------------------------------------------------------
# characters


def test_characters() -> None:
    assert CharacterTokenizer().tokenize(" Ab  ç ") == ["A", "b", "▁", "ç"]
    assert CharacterTokenizer().tokenize("▁␛") == ["␛s", "␛e"]
    assert CharacterTokenizer(lowercase=True).tokenize("ÀB") == ["à", "b"]


@given(st.one_of(TEXT, st.text(alphabet=" \t\r\xa0a▁␛\x1f", max_size=9)))
def test_characters_can_keep_white_space(text: str) -> None:
    text = text.replace("\n", " ")
    tokenizer = build_tokenizer("character", [], vocab_size=9, keep_white_space=True)
    tokens = tokenizer.tokenize(text)
    assert tokenizer.detokenize(tokens) == tokenizer.normalize(text)
    assert tokenizer.normalize(text) == unicodedata.normalize("NFC", text)
    assert len(tokens) == len(tokenizer.normalize(text))


def test_kept_white_space_is_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer"
    symbols = ["<2fr>"]
    tokenizer = build_tokenizer(
        "character", [], vocab_size=9, special_symbols=symbols, keep_white_space=True
    )
    tokenizer.save(path)
    assert json.loads(path.read_bytes())["normalization"] == "NFC, white space kept"
    assert load_tokenizer(path).tokenize("\tx <2fr> \x1f") == [
        *("\t", "x", "▁", "<2fr>", "▁", "\x1f")
    ]
    assert tokenizer.tokenize("a\nb") == ["a", "▁", "b"], "a line's end is no token"


def test_other_kinds_do_not_keep_white_space() -> None:
    with pytest.raises(SettingsError, match="keep_white_space is for tokenizer 'character'"):
        build_tokenizer("word", [], vocab_size=9, keep_white_space=True)


@given(TEXT)
def test_there_is_a_token_for_each_code_point(text: str) -> None:
    assert len(CharacterTokenizer().tokenize(text)) == len(normalize(text))


@pytest.mark.parametrize("kind", ["word", "character", "space"])
def test_kinds_without_training_refuse_to_sample(kind: str) -> None:
    assert not BUILT[kind].can_sample
    assert BUILT[kind].pieces is None
    with pytest.raises(SettingsError, match="can't sample"):
        BUILT[kind].tokenize("a b", sample=True)
    with pytest.raises(SettingsError, match="can't sample"):
        BUILT[kind].tokenize_all(["a b"], sample=True)


# ---------------------------------------------------------------------------------------------
# what stands between white space


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        (" = Senjō 3 : <unk> @-@ 2 = \n", "= Senjō 3 : <unk> @-@ 2 ="),
        ("don't, (see)", "don't, (see)"),
        ("<pad> <bos> <eos> <unk>", "<␛npad> <␛nbos> <␛neos> <unk>"),
        ("a<unk> <pad>. <s>", "a<unk> <pad>. <s>"),
        ("␛ ￭a b▁", "␛e ␛ja b␛s"),
    ],
)
def test_what_stands_between_white_space(text: str, tokens: str) -> None:
    assert SpaceTokenizer().tokenize(text) == tokens.split(" ")
    assert SpaceTokenizer().detokenize(tokens.split(" ")) == normalize(text)


@given(TEXT)
def test_there_is_a_token_for_each_run_without_white_space(text: str) -> None:
    assert len(SpaceTokenizer().tokenize(text)) == len(text.split())


def test_the_unknown_token_of_a_tokenized_text_is_the_vocabularys() -> None:
    lines = ["the <unk> of the <unk> <eos>", "the <eos> of <unk>"]
    tokenizer = SpaceTokenizer()
    vocab = Vocab.build(tokenizer.tokenize_all(lines))
    assert vocab.tokens(list(range(4, len(vocab)))) == ["the", "<␛neos>", "of"]
    assert vocab.count(UNK) == 0
    ids = vocab.ids(tokenizer.tokenize("the <unk> <pad> <eos>"))
    assert ids == [4, UNK_ID, UNK_ID, 5]
    assert tokenizer.detokenize(vocab.tokens(ids)) == "the <unk> <unk> <eos>"


# ---------------------------------------------------------------------------------------------
# SentencePiece


@SUBWORD
def test_pieces_are_the_closed_inventory(kind: str) -> None:
    tokenizer = BUILT[kind]
    assert tokenizer.pieces is not None
    assert len(tokenizer.pieces) == len(set(tokenizer.pieces)) <= 150 - 4
    assert not set(SPECIAL_TOKENS) & set(tokenizer.pieces)
    found = {piece for tokens in tokenizer.tokenize_all(TEXTS) for piece in tokens}
    assert found <= set(tokenizer.pieces)


@SUBWORD
def test_unknown_characters_stay_readable_and_have_no_id(kind: str) -> None:
    tokenizer = BUILT[kind]
    vocab = Vocab.build(tokenizer.tokenize_all(TEXTS), pieces=tokenizer.pieces)
    tokens = tokenizer.tokenize("the жук")
    assert "".join(tokens) == "▁the▁жук"
    assert vocab["жук"] == UNK_ID
    assert tokenizer.detokenize(vocab.tokens(vocab.ids(tokens))) == "the ⁇"


@SUBWORD
def test_training_is_deterministic(kind: TokenizerKind) -> None:
    again = build_tokenizer(kind, TEXTS, vocab_size=150)
    assert again.pieces == BUILT[kind].pieces
    assert again.tokenize_all(TEXTS) == BUILT[kind].tokenize_all(TEXTS)


@SUBWORD
def test_a_vocabulary_larger_than_the_text_allows_becomes_smaller(kind: TokenizerKind) -> None:
    tokenizer = build_tokenizer(kind, ["hello world"], vocab_size=32_000)
    assert tokenizer.pieces is not None
    assert 7 < len(tokenizer.pieces) < 100
    assert tokenizer.detokenize(tokenizer.tokenize("hello world")) == "hello world"


@SUBWORD
def test_a_vocabulary_too_small_for_the_characters_says_so(kind: TokenizerKind) -> None:
    with pytest.raises(SettingsError, match=r"vocab_size is 6, .* 12 .*raise vocab_size"):
        build_tokenizer(kind, ["hello world"], vocab_size=6)


@SUBWORD
def test_coverage_leaves_rare_characters_out(kind: Literal["unigram", "bpe"]) -> None:
    texts = ["ab ab ba"] * 200 + ["漢"]
    full = SentencePieceTokenizer.train(texts, kind=kind, vocab_size=30)
    part = SentencePieceTokenizer.train(texts, kind=kind, vocab_size=30, character_coverage=0.99)
    built = build_tokenizer(kind, texts, vocab_size=30, character_coverage=0.99)
    assert any("漢" in piece for piece in full.pieces)
    assert not any("漢" in piece for piece in part.pieces)
    assert built.pieces == part.pieces


@SUBWORD
def test_the_coverage_that_an_error_names_fits(kind: TokenizerKind) -> None:
    generator = Random(1)
    rare = [chr(0x4E00 + int(generator.paretovariate(1.2))) for _ in range(20_000)]
    texts = ["".join(rare[begin : begin + 20]) for begin in range(0, len(rare), 20)]
    with pytest.raises(SettingsError, match=r"lower character_coverage to 0\.9\d+") as caught:
        build_tokenizer(kind, texts, vocab_size=150)
    coverage = float(str(caught.value).rpartition(" ")[2])
    fitting = build_tokenizer(kind, texts, vocab_size=150, character_coverage=coverage)
    assert fitting.pieces is not None
    assert 130 < len(fitting.pieces) <= 146


@SUBWORD
@pytest.mark.parametrize("coverage", [0.0, 0.97, 1.01, float("nan")])
def test_a_coverage_that_sentencepiece_does_not_take_is_refused(
    kind: TokenizerKind, coverage: float
) -> None:
    with pytest.raises(SettingsError, match=r"character_coverage is .* in \[0\.98, 1\]"):
        build_tokenizer(kind, TEXTS, vocab_size=150, character_coverage=coverage)


@SUBWORD
@pytest.mark.parametrize("texts", [[], ["", " \t"], ["▅"]])
def test_nothing_to_train_on_is_an_error(kind: TokenizerKind, texts: list[str]) -> None:
    with pytest.raises(DataError, match="train"):
        build_tokenizer(kind, texts, vocab_size=100)


@SUBWORD
def test_long_lines_are_not_left_out(kind: TokenizerKind) -> None:
    tokenizer = build_tokenizer(kind, ["abc abd " * 4000, "xy"], vocab_size=30)
    assert tokenizer.pieces is not None
    assert any("b" in piece for piece in tokenizer.pieces)


def test_of_very_many_texts_some_are_drawn_with_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seq2seq.data.tokenizers.sentencepiece.MAX_TRAINING_TEXTS", 3)

    def trained(seed: int) -> bytes:
        texts = [f"{a}{b}" for a in "abcdefgh" for b in "ijklmnop"]
        return SentencePieceTokenizer.train(texts, kind="bpe", vocab_size=30, seed=seed).model_proto

    assert trained(1) == trained(1)
    assert len({trained(seed) for seed in range(5)}) > 1


@SUBWORD
def test_sampling_varies_and_is_reproducible(kind: str) -> None:
    tokenizer = BUILT[kind]
    assert tokenizer.can_sample
    seed_sampling(5)
    draws = [tokenizer.tokenize_all(TEXTS, sample=True) for _ in range(4)]
    ones = [tokenizer.tokenize(TEXTS[0], sample=True) for _ in range(10)]
    seed_sampling(5)
    assert draws == [tokenizer.tokenize_all(TEXTS, sample=True) for _ in range(4)]
    assert ones == [tokenizer.tokenize(TEXTS[0], sample=True) for _ in range(10)]
    # Each call draws anew: SentencePiece by itself would repeat the first one for a list.
    assert len({str(draw) for draw in draws}) == 4
    assert len({str(one) for one in ones}) > 1
    for draw in draws:
        assert [tokenizer.detokenize(tokens) for tokens in draw] == [normalize(t) for t in TEXTS]
    seed_sampling(6)
    assert draws[0] != tokenizer.tokenize_all(TEXTS, sample=True)


@SUBWORD
def test_sampling_is_reproducible_in_another_thread_and_process(kind: str, tmp_path: Path) -> None:
    BUILT[kind].save(tmp_path / "tokenizer")
    (tmp_path / "texts.json").write_text(json.dumps(TEXTS), encoding="utf-8")
    program = (
        "import json, pathlib, sys\n"
        "from seq2seq.data.tokenizers.base import load_tokenizer\n"
        "from seq2seq.data.tokenizers.sentencepiece import seed_sampling\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "texts = json.loads((folder / 'texts.json').read_text(encoding='utf-8'))\n"
        "seed_sampling(9)\n"
        "print(json.dumps(load_tokenizer(folder / 'tokenizer').tokenize_all(texts, sample=True)))\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    there = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    seed_sampling(9)
    assert BUILT[kind].tokenize_all(TEXTS, sample=True) == there
    drawn: list[list[list[str]]] = []
    seed_sampling(9)
    thread = threading.Thread(
        target=lambda: drawn.append(BUILT[kind].tokenize_all(TEXTS, sample=True))
    )
    thread.start()
    thread.join()
    assert drawn == [there]


@SUBWORD
def test_a_list_is_drawn_as_its_texts_are(kind: str) -> None:
    seed_sampling(3)
    together = BUILT[kind].tokenize_all(TEXTS, sample=True)
    seed_sampling(3)
    assert together == [BUILT[kind].tokenize(text, sample=True) for text in TEXTS]


@SUBWORD
@given(text=TEXT)
def test_a_sampled_text_comes_back_exactly_without_specials(kind: str, text: str) -> None:
    tokens = BUILT[kind].tokenize(text, sample=True)
    assert BUILT[kind].detokenize(tokens) == normalize(text)
    assert not set(tokens) & {*SPECIAL_TOKENS, ""}


@SUBWORD
@given(text=st.one_of(TEXT, st.sampled_from(TEXTS)))
def test_sampling_without_freedom_is_what_sentencepiece_finds(kind: str, text: str) -> None:
    tokenizer = BUILT[kind]
    assert isinstance(tokenizer, SentencePieceTokenizer)
    strict = SentencePieceTokenizer(tokenizer.model_proto, alpha=0.0 if kind == "bpe" else 1000.0)
    # Sorted, since unigram may choose among equals, such as "0 00" and "00 0".
    assert sorted(strict.tokenize(text, sample=True)) == sorted(tokenizer.tokenize(text))


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_unigram_draws_each_segmentation_as_often_as_its_probability(alpha: float) -> None:
    scores = {"a": -1.0, "b": -1.5, "c": -2.0, "ab": -1.7, "bc": -3.0, "abc": -2.5}
    segmentations = ["a b c", "ab c", "a bc", "abc"]
    weights = [exp(alpha * sum(scores[p] for p in s.split())) for s in segmentations]
    sampler, generator = UnigramSampler(scores, alpha), Random(1)
    found = Counter(" ".join(sampler.draw("abc", generator)) for _ in range(20_000))
    assert set(found) == set(segmentations)
    for segmentation, weight in zip(segmentations, weights, strict=True):
        assert found[segmentation] / 20_000 == pytest.approx(weight / sum(weights), abs=0.015)


def test_unigram_samples_long_words_without_underflow() -> None:
    sampler = UnigramSampler({"a": -20.0, "aa": -35.0}, 1.0)
    assert "".join(sampler.draw("a" * 1000, Random(1))) == "a" * 1000


def test_bpe_leaves_out_merges_as_often_as_alpha_says() -> None:
    # "abc": first "ab" (rank 0) or, if that is left out, "bc" (rank 1); then "abc" (rank 2).
    scores = {"ab": 0.0, "bc": -1.0, "abc": -2.0, "a": -3.0, "b": -4.0, "c": -5.0}
    sampler, generator, p = BpeSampler(scores, 0.25), Random(1), 0.25
    found = Counter(" ".join(sampler.draw("abc", generator)) for _ in range(20_000))
    expected = {
        "a b c": p * p,
        "ab c": (1 - p) * p,
        "a bc": p * (1 - p) * p,
        "abc": (1 - p) * (1 - p) * (1 + p),
    }
    for segmentation, probability in expected.items():
        assert found[segmentation] / 20_000 == pytest.approx(probability, abs=0.015)


def test_alpha_can_be_changed_between_draws() -> None:
    for kind, strict in (("bpe", 0.0), ("unigram", 1000.0)):
        built = BUILT[kind]
        assert isinstance(built, SentencePieceTokenizer)
        tokenizer = SentencePieceTokenizer(built.model_proto, alpha=0.5)
        assert tokenizer.tokenize_all(TEXTS, sample=True) != tokenizer.tokenize_all(TEXTS)
        tokenizer.alpha = strict
        assert tokenizer.tokenize(TEXTS[0], sample=True) == tokenizer.tokenize(TEXTS[0])


@SUBWORD
def test_sampling_does_not_touch_what_is_deterministic(kind: str) -> None:
    before = BUILT[kind].tokenize_all(TEXTS)
    BUILT[kind].tokenize_all(TEXTS, sample=True)
    assert BUILT[kind].tokenize_all(TEXTS) == before


def test_alpha_says_how_freely_sampling_chooses() -> None:
    bpe = BUILT["bpe"]
    assert isinstance(bpe, SentencePieceTokenizer)
    proto = bpe.model_proto
    best = bpe.tokenize_all(TEXTS)
    assert SentencePieceTokenizer(proto, alpha=0.0).tokenize_all(TEXTS, sample=True) == best
    letters = SentencePieceTokenizer(proto, alpha=1.0).tokenize_all(TEXTS, sample=True)
    assert all(len(piece) == 1 for tokens in letters for piece in tokens)
    for alpha in (-0.1, float("nan"), float("inf")):
        with pytest.raises(SettingsError, match="alpha"):
            SentencePieceTokenizer(proto, alpha=alpha)


@pytest.mark.parametrize("proto", [b"", b"no model", b"\x00" * 50])
def test_bytes_that_are_no_model_are_refused(proto: bytes) -> None:
    with pytest.raises(DataError, match="not a SentencePiece model"):
        SentencePieceTokenizer(proto)


# ---------------------------------------------------------------------------------------------
# by name, and on disk


def test_every_kind_that_settings_allow_has_a_class() -> None:
    assert sorted(TOKENIZERS) == sorted(get_args(TokenizerKind))


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(SettingsError, match=r"'words'.*word, character, space, unigram, bpe"):
        build_tokenizer("words", TEXTS, vocab_size=100)


@EACH
@pytest.mark.parametrize("lowercase", [False, True])
def test_a_saved_tokenizer_is_the_same_when_loaded(
    kind: str, lowercase: bool, tmp_path: Path
) -> None:
    tokenizer = (LOWERCASE if lowercase else BUILT)[kind]
    tokenizer.save(tmp_path / "tokenizer.json")
    loaded = load_tokenizer(tmp_path / "tokenizer.json")
    assert type(loaded) is type(tokenizer)
    assert loaded.tokenize_all(TEXTS) == tokenizer.tokenize_all(TEXTS)
    assert loaded.pieces == tokenizer.pieces
    loaded.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "tokenizer.json").read_bytes()


def test_alpha_is_saved(tmp_path: Path) -> None:
    tokenizer = SentencePieceTokenizer.train(TEXTS, kind="bpe", vocab_size=120, alpha=0.25)
    tokenizer.save(tmp_path / "tokenizer")
    loaded = load_tokenizer(tmp_path / "tokenizer")
    assert isinstance(loaded, SentencePieceTokenizer)
    assert loaded.alpha == 0.25
    seed_sampling(1)
    drawn = loaded.tokenize_all(TEXTS, sample=True)
    seed_sampling(1)
    assert tokenizer.tokenize_all(TEXTS, sample=True) == drawn


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"{",
        b"[]",
        b"{}",
        b'{"kind": "word"}',
        b'{"kind": "word", "lowercase": 1}',
        b'{"kind": "other", "lowercase": false}',
        b'{"kind": ["word"], "lowercase": false}',
        b'{"kind": "sentencepiece", "lowercase": false, "alpha": 0.1, "model": 3}',
        b'{"kind": "sentencepiece", "lowercase": false, "alpha": 0.1, "model": "*"}',
        b'{"kind": "sentencepiece", "lowercase": false, "alpha": 0.1, "model": "QUJD"}',
        b'{"kind": "sentencepiece", "lowercase": false, "alpha": null, "model": "QUJD"}',
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"broken\.json"):
        load_tokenizer(path)


def test_a_model_with_a_changed_byte_or_setting_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    BUILT["unigram"].save(path)
    content = json.loads(path.read_bytes())
    for change in (
        {"model": content["model"][:40] + "AAAA" + content["model"][44:]},
        {"alpha": -1},
        {"lowercase": "no"},
    ):
        path.write_text(json.dumps({**content, **change}))
        with pytest.raises(DataError, match=r"broken\.json"):
            load_tokenizer(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.json"):
        load_tokenizer(tmp_path / "none.json")
