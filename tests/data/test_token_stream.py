"""Running text: lines to rows of ids and back, as a whole and piece by piece."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.config.data import DataSettings
from seq2seq.data.token_stream import TokenStream
from seq2seq.data.tokenizers.normalization import normalize
from seq2seq.data.tokenizers.pipeline import TextPipeline, build_pipeline
from seq2seq.data.vocabulary import BOS_ID, EOS_ID, UNK_ID
from tests.support.language import LINES, running

KINDS = ("word", "character", "space", "unigram", "bpe")
ODD = [
    "a ␛ b␛e ▁ ￭￭ x￭",
    "␛j ␛s ␛",
    "e\u0301 n\u0303",
    "␛ j s a",
    "<unk> <eos> < eos >",
    "1,000 don't (x).",
]
PIPELINES: dict[str, TextPipeline] = {}


def pipeline(kind: str) -> TextPipeline:
    """Learnt from our lines and odd ones; each kind once."""
    if kind not in PIPELINES:
        PIPELINES[kind] = build_pipeline([*LINES, *ODD], DataSettings(), kind, 80).pipeline
    return PIPELINES[kind]


kinds = st.sampled_from(KINDS)
texts = st.lists(
    st.one_of(
        st.sampled_from([*LINES, *ODD]),
        st.text(alphabet="ab ␛ejs▁￭é\u0301.'<eos>1猫\t", max_size=12),
    ),
    min_size=1,
    max_size=4,
)


# ---------------------------------------------------------------------------------------------
# What is a token, and where reading begins


def test_a_line_end_is_a_token_and_reading_begins_after_one() -> None:
    text = running("character", ["ab", "", "b"])
    a, b = (text.pipeline.vocab[name] for name in "ab")
    assert text.first == EOS_ID
    assert text.rows(["ab", "", "b"]) == [[EOS_ID, a, b, EOS_ID, EOS_ID, b, EOS_ID]]
    assert text.rows(["ab", "b"], closed=False) == [[EOS_ID, a, b, EOS_ID, b]]
    assert text.row("ab\nb") == [EOS_ID, a, b, EOS_ID, b]
    assert text.row("b\n") == [EOS_ID, b, EOS_ID]
    assert text.row("") == [EOS_ID]


def test_sentences_stand_by_themselves_with_bos_and_eos() -> None:
    text = running("character", ["ab", "b"], sentences=True)
    a, b = (text.pipeline.vocab[name] for name in "ab")
    assert text.first == BOS_ID
    for closed in (True, False):
        rows = text.rows(["ab", "", "b"], closed=closed)
        assert rows == [[BOS_ID, a, b, EOS_ID], [BOS_ID, EOS_ID], [BOS_ID, b, EOS_ID]]
    assert text.row("ab") == [BOS_ID, a, b], "a beginning has no end"


def test_letters_only_makes_one_line_of_a_text() -> None:
    text = running("character", ["time traveller"], letters_only=True)
    assert text.clean("Time,\nTraveller (2)!") == "Time Traveller"
    assert text.clean("e\u0301t\u00e9") == "\u00e9t\u00e9"
    for nothing in ("", "  ", "12.", "\n"):
        assert text.clean(nothing) == nothing, "where no letter is, nothing is to be taken away"
    assert running("character").clean("Time,\n(2)!") == "Time,\n(2)!"


def test_what_the_vocabulary_lacks_is_unknown() -> None:
    text = running("character", ["ab"])
    assert text.row("a猫")[2] == UNK_ID
    assert text.decode(text.row("a猫b")[1:]) == "a⁇b"


# ---------------------------------------------------------------------------------------------
# There and back


@pytest.mark.parametrize("sentences", [False, True])
@given(kinds, texts)
def test_known_text_comes_back_normalized(sentences: bool, kind: str, lines: list[str]) -> None:
    lines = [line.replace("\n", " ") for line in lines]
    if kind in ("word", "character", "space"):
        own = build_pipeline([*lines, "a"], DataSettings(), kind, 10_000).pipeline
    else:
        own = pipeline(kind)
    text = TokenStream(own, sentences)
    rows = text.rows(lines)
    if any(UNK_ID in row for row in rows):
        return  # what SentencePiece did not learn, or "<unk>" between spaces
    expected = [normalize(line) for line in lines]
    assert "".join(text.decode(row[1:]) for row in rows) == "".join(f"{e}\n" for e in expected)
    if not sentences:
        assert text.decode(text.rows(lines, closed=False)[0][1:]) == "\n".join(expected)
        assert text.rows(lines, closed=False)[0] == text.row("\n".join(lines))


def by_line(text: TokenStream, ids: list[int]) -> str:
    """Each line decoded as a whole."""
    parts: list[list[int]] = [[]]
    for token in ids:
        if token == EOS_ID:
            parts.append([])
        else:
            parts[-1].append(token)
    return "\n".join(text.pipeline.decode(part) for part in parts)


@given(kinds, st.data(), st.integers(0, 25))
def test_any_ids_spelt_piece_by_piece_are_the_whole(
    kind: str, data: st.DataObject, cut: int
) -> None:
    """Also what a bad model makes up: half an escape, spaces at the end, joiners on their own."""
    text = TokenStream(pipeline(kind), sentences=False)
    size = len(text.pipeline.vocab)
    ids = data.draw(st.lists(st.integers(0, size - 1), max_size=25))
    whole = by_line(text, ids)
    assert text.decode(ids) == whole
    pieces = list(text.decode_stream(ids[:cut], ids[cut:]))
    assert "".join(pieces) == whole


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
@given(st.lists(st.sampled_from(["␛", "j", "s", "▁", "a"]), max_size=8))
def test_half_an_escape_waits_for_its_other_half(kind: str, tokens: list[str]) -> None:
    text = TokenStream(pipeline(kind), sentences=False)
    vocab = text.pipeline.vocab
    ids = vocab.ids(["␛", "j", "a", *tokens])
    assert UNK_ID not in ids
    assert "".join(text.decode_stream([], ids)) == text.pipeline.decode(ids)
    assert text.decode(vocab.ids(["␛", "j", "a"])) == "￭a"


# ---------------------------------------------------------------------------------------------
# A text that is gone on with


@given(kinds, st.data(), texts, st.sampled_from(["", " ", "\t ", "\n", "　"]))
def test_a_text_that_is_gone_on_with_stays_as_it_is(
    kind: str, data: st.DataObject, lines: list[str], end: str
) -> None:
    text = TokenStream(pipeline(kind), sentences=False)
    given_text = "\n".join(lines) + end
    size = len(text.pipeline.vocab)
    ids = data.draw(st.lists(st.integers(EOS_ID, size - 1), max_size=9))
    begun = text.begin(given_text)
    first, *rest = text.continuation(begun, ids)
    assert first == begun.text == given_text
    assert begun.ids[: len(text.row(given_text))] == text.row(given_text)
    # What follows is what the tokens say, but for a space that is there already.
    tokens = [*begun.line, *text.pipeline.vocab.tokens(ids)]
    spelt = "\n".join(
        text.pipeline.tokenizer.detokenize(line) for line in split_lines(tokens)
    ).removeprefix(text.pipeline.tokenizer.detokenize(begun.line))
    assert "".join(rest) in (spelt, spelt.removeprefix(" "))


def split_lines(tokens: list[str]) -> list[list[str]]:
    """Tokens without the ends of lines, a list for each line."""
    lines: list[list[str]] = [[]]
    for token in tokens:
        if token == "<eos>":
            lines.append([])
        else:
            lines[-1].append(token)
    return lines


def test_a_space_at_the_end_is_a_token_for_characters() -> None:
    text = running("character", ["ab b"])
    a, space = text.pipeline.vocab["a", "▁"]
    for end in (" ", "\t", "  "):
        assert text.begin(f"a{end}").ids == [EOS_ID, a, space]
        assert text.begin(f"a{end}").line == ["a", "▁"]
        assert "".join(text.continuation(text.begin(f"a{end}"), [a])) == f"a{end}a"
    assert text.begin("a\n").ids == [EOS_ID, a, EOS_ID]
    assert text.begin(" ").ids == [EOS_ID], "no line of the training text begins with one"
    letters = running("character", ["ab b"], letters_only=True)
    assert letters.begin("a, ").ids == letters.begin("a\n").ids == [EOS_ID, a, space]


def test_kept_white_space_is_read_as_it_is() -> None:
    lines = ["\tab", "  b a", "a \u3000"]
    built = build_pipeline(lines, DataSettings(), "character", 60, keep_white_space=True)
    text = TokenStream(built.pipeline, sentences=False)
    assert text.decode(text.rows(lines)[0][1:]) == "\tab\n  b a\na \u3000\n"
    for prefix in ("\t", "a\n  ", "b ", "a \u3000"):
        begun = text.begin(prefix)
        assert begun.ids == text.row(prefix)
        assert text.decode(begun.ids[1:]) == prefix
        assert "".join(text.continuation(begun, begun.ids[1:2])) == prefix + text.decode(
            begun.ids[1:2]
        )


@pytest.mark.parametrize(
    ("kind", "inside", "free"),
    [("word", ["￭.", "￭,"], ["cat", "(￭"]), ("bpe", ["t", "."], ["▁the", "▁"])],
)
def test_after_a_space_no_token_goes_on_in_the_same_word(
    kind: str, inside: list[str], free: list[str]
) -> None:
    text = running(kind, [*LINES, "the cat, (the dog)."] * 2, size=100)
    vocab = text.pipeline.vocab
    not_next = text.begin("the ").not_next
    assert {*vocab.ids(inside)} <= {*not_next}
    assert not {*vocab.ids(free), EOS_ID} & {*not_next}
    assert text.begin("the").not_next == text.begin("the\n").not_next == []


def test_a_piece_comes_as_soon_as_its_token_is_known() -> None:
    text = running("character", ["ab"])
    known: list[int] = []

    def tokens() -> list[int]:
        for token in text.row("b\na")[1:]:
            known.append(token)
            yield token

    pieces = []
    for piece in text.decode_stream(text.row("a")[1:], tokens()):
        pieces.append((piece, len(known)))
    assert pieces == [("a", 0), ("b", 1), ("\n", 2), ("a", 3), ("", 3)]
