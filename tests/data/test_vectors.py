"""Files of word vectors: three formats, line by line; errors name the line."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.data.vectors import read_vectors, vector_width
from seq2seq.data.vocabulary import SPECIAL_TOKENS, Vocab
from seq2seq.errors import DataError


def vocab(*tokens: str) -> Vocab:
    return Vocab([*SPECIAL_TOKENS, *tokens], [0] * (4 + len(tokens)))


def write(folder: Path, text: str | bytes, name: str = "a.vec") -> str:
    data = text.encode() if isinstance(text, str) else text
    path = folder / name
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return str(path)


def table(path: str, words: Vocab) -> dict[str, list[float]]:
    ids, rows = read_vectors(path, words)
    return dict(zip(words.tokens(ids), rows.tolist(), strict=True))


@pytest.mark.parametrize("name", ["a.vec", "a.vec.gz"])
@pytest.mark.parametrize("end", ["\n", " \n", "\r\n"])
@pytest.mark.parametrize("header", ["3 2", ""])
def test_formats_of_word2vec_fasttext_and_glove(
    tmp_path: Path, name: str, end: str, header: str
) -> None:
    lines = [*[header] * bool(header), "ja 1 -2", "nein 0.5 1e-3", ". . . 7 8"]
    if header:
        lines[-1] = "x 7 8"  # only GloVe, which has no header, has words with a space
    path = write(tmp_path, "".join(line + end for line in lines), name)
    assert vector_width(path) == 2
    assert table(path, vocab("nein", "ja", "doch")) == {
        "ja": [1, -2],
        "nein": pytest.approx([0.5, 1e-3]),
    }


def test_a_token_has_its_own_spelling_or_its_words_or_in_lower_case(tmp_path: Path) -> None:
    path = write(tmp_path, "haus 1\n▁Haus 2\nin 3\nHaus 4\nin 5\nund 6\n<unk> 7\n")
    words = vocab("▁Haus", "Haus", "▁In", "￭in", "HAUS", "▁")
    assert table(path, words) == {"▁Haus": [2], "Haus": [4], "▁In": [3], "￭in": [3], "HAUS": [1]}


@given(
    st.dictionaries(
        st.text("abcäß", min_size=1, max_size=4),
        st.lists(st.floats(-9, 9, width=32), min_size=3, max_size=3),
        min_size=1,
        max_size=9,
    )
)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, rows: object) -> None:
    assert isinstance(rows, dict)
    lines = [f"{len(rows)} 3", *(" ".join([word, *map(repr, row)]) for word, row in rows.items())]
    path = write(tmp_path_factory.mktemp("v"), "\n".join(lines))
    words = vocab(*rows)
    ids, found = read_vectors(path, words)
    expected = {words.ids(word): np.float32(row).tolist() for word, row in rows.items()}
    assert dict(zip(ids, found.tolist(), strict=True)) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("a\n", ":1: after the word there is something else than numbers"),
        ("2 3\na 1 2 3\nb 1 2\n", ":3: 2 numbers after the word, and there must be 3"),
        ("a 1 2\nb 1 2 3\n", ":2: 3 numbers after the word, and there must be 2"),
        ("a 1 2\n\nb 1 2\n", ":2: 0 numbers"),
        ("a 1 2\nb 1 x\n", ":2: after the word there is something else"),
        ("a 1 2\nb 1 nan\n", ":2: there is a number that is not finite"),
        ("a 1 2\nb 1 1e39\n", ":2: there is a number that is not finite in 32 bits"),
        ("5 0\na\n", ":1 says that a vector has 0 numbers"),
        (f"5 {10**12}\na 1\n", ":1 says that a vector has 1,000,000,000,000 numbers"),
        (f"5 {'9' * 5000}\na 1\n", ":1: there is a number that is not finite"),
        ("3 2\na 1 2\nb 1 2\n", ":1 says that there are 3 words, and there are 2"),
        (b"PK\x03\x04" + b"\0" * 26 + b"mimetype", "office document"),
        (b"2 3\n\x93\x88\x00\x01\xff", ":2: 0 numbers"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str | bytes, words: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(DataError, match=words) as caught:
        read_vectors(path, vocab("a", "b"))
    assert path in str(caught.value)


def test_a_missing_file_has_a_neighbour_and_a_damaged_one_a_line(tmp_path: Path) -> None:
    path = write(tmp_path, "a 1 2\n" * 99, "words.vec.gz")
    with pytest.raises(DataError, match=r"did you mean .*words\.vec\.gz"):
        vector_width(path.replace("words", "word"))
    Path(path).write_bytes(Path(path).read_bytes()[:-12])
    with pytest.raises(DataError, match=r"words\.vec\.gz:\d+: can't be read, or is damaged"):
        read_vectors(path, vocab("a"))
