"""ARPA files: numbers that KenLM computed, what other programs write, and what is malformed.

The files in tests/models/kenlm were made by lmplz of KenLM 0.3.0 from the text beside them, lines
of our own corpus:

    lmplz -o 3 < text.txt > order3.arpa
    head -10 text.txt | lmplz -o 4 --discount_fallback > order4.arpa
"""

import bz2
import gzip
import lzma
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.data.vocabulary import BOS_ID, EOS_ID, PAD_ID, SPECIAL_TOKENS, UNK_ID, Vocab
from seq2seq.errors import DataError, RunError
from seq2seq.evaluation.perplexity import row_log_probabilities
from seq2seq.models.ngram.arpa import read_arpa, write_arpa
from seq2seq.models.ngram.arpa_reader import VocabularyWarning
from seq2seq.models.ngram.model import NGramModel

KENLM = Path(__file__).resolve().parent / "kenlm"
TEXT = [line.split() for line in (KENLM / "text.txt").read_text().splitlines()]

# As SRILM has it: a blank line first, no <unk>, -99 for <s>, no weight of what is no context.
SRILM = r"""
\data\
ngram 1=4
ngram 2=3

\1-grams:
-0.39794	</s>
-99	<s>	-0.30103
-0.69897	a	-0.1249387
-0.39794	b

\2-grams:
-0.30103	<s> a
-0.09691	a </s>
-99	a b

\end\
"""


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def same(one: NGramModel, other: NGramModel, tolerance: float) -> None:
    assert one.order == other.order
    for length in one.lengths:
        mine, yours = one.level(length), other.level(length)
        assert torch.equal(mine.keys, yours.keys)
        for a, b in ((mine.log_probs, yours.log_probs), (mine.backoffs, yours.backoffs)):
            torch.testing.assert_close(a, b, atol=tolerance, rtol=0)


@pytest.mark.parametrize(("order", "lines"), [(3, 80), (4, 10)])
def test_estimates_are_those_of_kenlm(order: int, lines: int) -> None:
    """Every probability and every weight; order 4 has discounts from the formula and fixed ones.

    lmplz counts the last n-gram of each length by its plain count when it computes discounts. Here
    that is the adjusted one, too; on WikiText-2, it moves one unigram in 13,000, and D1 by 4e-5.
    """
    kenlm, vocab = read_arpa(KENLM / f"order{order}.arpa")
    ours = NGramModel.estimate([vocab.ids(line) for line in TEXT[:lines]], order, len(vocab))
    same(ours, kenlm, 2e-6)


@pytest.mark.parametrize(
    ("order", "sentence", "expected"),
    [
        (3, "the girls left this morning .", -4.2902895),
        (3, "the girls help our dogs ?", -11.2299466),
        (3, "", -2.6001923),
        (3, "zebras do like the flowers .", -12.4816798),
        (4, "the girls left this morning .", -1.7429291),
        (4, "the girls help our dogs ?", -10.108371),
        (4, "", -1.9131633),
        (4, "zebras do like the flowers .", -10.277467),
    ],
)
def test_sentences_score_as_kenlm_scores_them(order: int, sentence: str, expected: float) -> None:
    """Decimal logarithms from KenLM's `query`; there are no zebras in the text."""
    model, vocab = read_arpa(KENLM / f"order{order}.arpa")
    ids = [BOS_ID, *vocab.ids(sentence.split()), EOS_ID]
    (found,) = row_log_probabilities(model, [ids], torch.device("cpu"))
    assert sum(found) / math.log(10) == pytest.approx(expected, abs=1e-5)


def test_a_file_of_srilm(tmp_path: Path) -> None:
    model, vocab = read_arpa(written(tmp_path / "x.arpa", SRILM))
    assert vocab.tokens(list(range(len(vocab)))) == [*SPECIAL_TOKENS, "a", "b"]
    log_probs, state = model.step(torch.tensor([BOS_ID]), model.start(1))
    expected = {"a": 0.5, "b": 0.5 * 0.4, "<eos>": 0.5 * 0.4, "<unk>": 0, "<bos>": 0, "<pad>": 0}
    found = {token: float(log_probs[0, vocab[token]].exp()) for token in expected}
    assert found == pytest.approx(expected, abs=1e-6)
    log_probs, _ = model.step(torch.tensor([vocab["a"]]), state)
    assert log_probs[0, vocab["b"]] == -math.inf
    assert float(log_probs[0, EOS_ID].exp()) == pytest.approx(0.8, abs=1e-6)
    write_arpa(tmp_path / "y.arpa", model, vocab)
    same(read_arpa(tmp_path / "y.arpa")[0], model, 1e-6)


@pytest.mark.slow
@given(
    sentences=st.lists(st.lists(st.sampled_from([UNK_ID, 4, 5, 6]), max_size=5), min_size=1),
    order=st.integers(1, 6),
    k=st.sampled_from([None, 0.3]),
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    sentences: list[list[int]],
    order: int,
    k: float | None,
) -> None:
    """Add-k, too: after each context, all that was not seen is equally probable."""
    folder = tmp_path_factory.mktemp("arpa")
    vocab = Vocab([*SPECIAL_TOKENS, "œuvre", "a\u00a0b", "\u2028", "never"], [0] * 8)
    smoothing = "kneser-ney" if k is None else "add-k"
    model = NGramModel.estimate(sentences, order, len(vocab), smoothing, k)
    for name in ("model.arpa", "model.arpa.gz", "model.arpa.xz"):
        write_arpa(folder / name, model, vocab)
        for given_vocab in (None, vocab):
            found, found_vocab = read_arpa(folder / name, given_vocab)
            assert found_vocab == vocab
            same(found, model, 2e-6)
    packed = gzip.decompress((folder / "model.arpa.gz").read_bytes())
    assert packed == (folder / "model.arpa").read_bytes()
    assert len(list(folder.iterdir())) == 3


def test_the_ids_are_those_of_the_vocabulary_given(tmp_path: Path) -> None:
    path = written(tmp_path / "x.arpa", SRILM)
    other = Vocab([*SPECIAL_TOKENS, "b", "a"], [0] * 6)
    model, vocab = read_arpa(path, other)
    assert vocab is other
    assert model.ngrams(2).tolist() == [[BOS_ID, 5], [5, EOS_ID], [5, 4]]


def test_a_token_that_the_file_lacks_has_the_probability_of_unk(tmp_path: Path) -> None:
    """That is what KenLM gives it, and the weight of <unk> where it is a context."""
    unknown = SRILM.replace("1=4", "1=5").replace("1-grams:\n", "1-grams:\n-2\t<unk>\t-0.5\n")
    path = written(tmp_path / "x.arpa", unknown)
    more = Vocab([*SPECIAL_TOKENS, "b", "c", "a", "d"], [0] * 8)
    with pytest.warns(VocabularyWarning, match=r"2 of the 4 .*\('c', 'd'\): .* of <unk>$"):
        model, _ = read_arpa(path, more)
    row = [BOS_ID, *more.ids(["c", "b"]), EOS_ID]
    (found,) = row_log_probabilities(model, [row], torch.device("cpu"))
    expected = [-0.30103 - 2, -0.5 - 0.39794, -0.39794]
    assert found == pytest.approx([value * math.log(10) for value in expected], rel=1e-5)
    with pytest.warns(VocabularyWarning, match=r"'d'\): they never come, because it has no <unk>"):
        model, _ = read_arpa(written(path, SRILM), more)
    assert model.level(1).log_probs[[UNK_ID, more["d"]]].tolist() == [-math.inf] * 2


def test_a_token_that_only_the_file_has_is_left_out(tmp_path: Path) -> None:
    path = written(tmp_path / "x.arpa", SRILM)
    with pytest.warns(VocabularyWarning, match=r"1 of the 4 tokens of .*\('b'\): .* left out"):
        model, vocab = read_arpa(path, Vocab.build([["a"]]))
    assert model.ngrams(2).tolist() == [[BOS_ID, vocab["a"]], [vocab["a"], EOS_ID]]
    with pytest.raises(DataError, match="no token of the vocabulary given, but 'a', 'b': cut"):
        read_arpa(path, Vocab.build([["c"]]))


# As the CMU-Cambridge toolkit has it: it counts across sentences.
CMU = r"""
\data\
ngram 1=4
ngram 2=4
ngram 3=3

\1-grams:
-99 <s> -0.3
-0.5 </s> -0.1
-0.6 a -0.2
-0.7 b -0.1

\2-grams:
-0.3 <s> a -0.1
-0.4 a b -0.1
-0.2 b </s> -0.1
-0.01 </s> <s> -0.1

\3-grams:
-0.2 <s> a b
-0.05 b </s> <s>
-0.07 </s> <s> a

\end\
"""


@pytest.mark.parametrize("header", ["2=4\nngram 3=3", "2=3\nngram 3=1", "2=4\nngram 3=2"])
def test_n_grams_across_sentences_are_left_out(tmp_path: Path, header: str) -> None:
    text = CMU.replace("2=4\nngram 3=3", header)
    model, vocab = read_arpa(written(tmp_path / "x.arpa", text))
    assert model.sizes == [5, 3, 1]
    row = [BOS_ID, *vocab.ids(["a", "b"]), EOS_ID]
    (found,) = row_log_probabilities(model, [row], torch.device("cpu"))
    expected = [-0.3, -0.2, -0.1 - 0.2]
    assert found == pytest.approx([value * math.log(10) for value in expected], rel=1e-5)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\t", "  ").replace("\n", " \n\n"),
        lambda text: text.replace("\n\n", "\n"),
        lambda text: text.replace("ngram 1=4", " ngram  1 = 4"),
        lambda text: text.replace("-99\ta b", "-inf\ta b"),
        lambda text: text.replace("-99\ta b", "-99.0\ta\tb"),
        lambda text: text.replace("a </s>", "a </s>\t0").replace("a b", "a b\t-0.5"),
        lambda text: text.replace("\tb", "\tb\t0.0000000"),
        lambda text: "\ufeff" + text,
    ],
)
def test_the_same_model_written_in_other_ways(tmp_path: Path, change: Callable[[str], str]) -> None:
    plain, vocab = read_arpa(written(tmp_path / "x.arpa", SRILM))
    text = change(SRILM)
    assert text != SRILM
    found, found_vocab = read_arpa(written(tmp_path / "y.arpa", text))
    same(found, plain, 0.0)
    assert found_vocab == vocab


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed_files_are_known_by_their_content(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    plain, _ = read_arpa(written(tmp_path / "x.arpa", SRILM))
    path = tmp_path / "y.arpa"
    path.write_bytes(pack(SRILM.encode()))
    same(read_arpa(path)[0], plain, 0.0)
    path.write_bytes(pack(SRILM.encode())[:70])
    with pytest.raises(DataError, match="can't read"):
        read_arpa(path)


@pytest.mark.parametrize("rounded", ["1.2e-07", "0.0001", "+1e-9", "-0.0"])
def test_a_probability_a_little_above_1_is_1(tmp_path: Path, rounded: str) -> None:
    path = written(tmp_path / "x.arpa", SRILM.replace("-0.09691", rounded))
    model, vocab = read_arpa(path)
    values = dict(zip(map(tuple, model.ngrams(2).tolist()), model.level(2).log_probs, strict=True))
    assert float(values[vocab["a"], EOS_ID]) == 0


@pytest.mark.parametrize("title", ["\n\\3-grams:\n", "\\3-grams:\n\n", ""])
def test_a_section_may_be_empty(tmp_path: Path, title: str) -> None:
    text = SRILM.replace("ngram 2=3", "ngram 2=3\nngram 3=0").replace("\n\\end", title + "\n\\end")
    model, vocab = read_arpa(written(tmp_path / "x.arpa", text))
    assert model.sizes == [5, 3, 0]
    plain, _ = read_arpa(written(tmp_path / "x.arpa", SRILM))
    rows = [[BOS_ID, *vocab.ids(words), EOS_ID] for words in (["a"], ["b", "a", "a"], [])]
    found, expected = (
        row_log_probabilities(each, rows, torch.device("cpu")) for each in (model, plain)
    )
    assert found == expected
    write_arpa(tmp_path / "y.arpa", model, vocab)
    same(read_arpa(tmp_path / "y.arpa")[0], model, 1e-6)


def test_windows_line_ends_and_text_before_the_header(tmp_path: Path) -> None:
    plain, _ = read_arpa(written(tmp_path / "x.arpa", SRILM))
    path = tmp_path / "y.arpa"
    path.write_bytes(("made by hand\n" + SRILM).replace("\n", "\r\n").encode())
    same(read_arpa(path)[0], plain, 0.0)


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        ("\\data\\", "data", 17, r"it has no line \\data\\"),
        ("ngram 1=4", "gram 1=4", 3, "expected 'ngram 1=…'"),
        ("ngram 2=3", "ngram 3=3", 4, "expected 'ngram 2=…'"),
        ("ngram 1=4", "ngram 1=3", 12, "the header says 3 1-grams, and here are 4"),
        ("ngram 1=4", "ngram 1=5", 12, "the header says 5 1-grams, and here are 4"),
        ("ngram 2=3", "ngram 2=2", 17, "the header says 2 2-grams, and here are 3"),
        ("ngram 2=3", "ngram 2=0\nngram 3=1", 18, "the header says 0 2-grams, and here are 3"),
        ("\\2-grams:", "\\3-grams:", 12, r"expected \\2-grams:, found '\\\\3-grams:'"),
        ("-0.09691\ta", "-0.09691\ta a a", 14, "expected a logarithm, 2 tokens"),
        ("-0.69897", "minus", 9, "'minus' is not the logarithm of a probability"),
        ("-0.69897", "0.1", 9, "'0.1' is not the logarithm of a probability"),
        ("-0.69897", "nan", 9, "'nan' is not"),
        ("-0.1249387", "nan", 9, "'nan' is not the logarithm of a backoff weight"),
        ("-0.1249387", "inf", 9, "'inf' is not"),
        ("-0.1249387", "1e50", 9, "'1e50' is not"),
        ("ngram 2=3", "ngram 2=" + 30 * "9", 4, "expected 'ngram 2=…'"),
        ("a </s>", "a c", 14, "'c' is not among the 1-grams"),
        ("a </s>", "<s> a", 14, "has stood there before"),
        ("\tb", "\ta", 10, "'a' stands there twice"),
        ("\tb", "\t<bos>", 10, "name of a special token of ours"),
        ("\tb", "\t<pad>", 10, "name of a special token of ours"),
        ("</s>\n-99", "c\n-99", 12, "no </s> among the 1-grams"),
        ("\n\\end\\\n", "", 15, r"the file ends before \\end\\: is it cut short"),
        ("a </s>\n-99\ta b\n\n\\end\\\n", "a </s>", 14, "says 3 2-grams, and here are 2"),
    ],
)
def test_malformed_files(tmp_path: Path, old: str, new: str, line: int, problem: str) -> None:
    assert SRILM.count(old) >= 1
    path = written(tmp_path / "x.arpa", SRILM.replace(old, new, 1))
    with pytest.raises(DataError, match=rf"x\.arpa:{line}: .*{problem}"):
        read_arpa(path)


def test_malformed_in_ways_of_their_own(tmp_path: Path) -> None:
    path = written(tmp_path / "x.arpa", "\\data\\\nngram 1=1")
    with pytest.raises(DataError, match=r"x\.arpa:2: .*the file ends within its header"):
        read_arpa(path)
    with pytest.raises(DataError, match=r"x\.arpa:1: this is no ARPA file"):
        read_arpa(written(path, ""))
    with pytest.raises(DataError, match=r"x\.arpa is binary: give the ARPA file"):
        read_arpa(written(path, "mmap lm http://kheafield.com/code format version 5\n"))
    both = SRILM.replace("\ta\t", "\t<unk>\t").replace("\tb", "\t<UNK>")
    with pytest.raises(DataError, match="both <unk> and <UNK>"):
        read_arpa(written(path, both))
    lost = (KENLM / "order3.arpa").read_text().replace("ngram 2=376", "ngram 2=375")
    gone = next(line for line in lost.splitlines() if "\tthe girls\t" in line)
    with pytest.raises(
        DataError, match=r"x\.arpa:\d+: .*the tokens before its last one are not listed"
    ):
        read_arpa(written(path, lost.replace(gone + "\n", "")))


def test_files_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no file"):
        read_arpa(tmp_path / "missing.arpa")
    path = tmp_path / "x.arpa"
    path.write_bytes(gzip.compress(SRILM.encode())[:-20])
    with pytest.raises(DataError, match="can't read"):
        read_arpa(path)
    path.write_bytes(SRILM.encode().replace(b"\tb", b"\t\xff"))
    with pytest.raises(DataError, match=r"x\.arpa:10: not valid UTF-8"):
        read_arpa(path)
    model, vocab = read_arpa(KENLM / "order4.arpa")
    with pytest.raises(
        DataError, match=r"y\.arpa\.zst: \.zst can't be written; .* \.gz, \.bz2, \.xz"
    ):
        write_arpa(tmp_path / "y.arpa.zst", model, vocab)
    with pytest.raises(RunError, match="could not be written"):
        write_arpa(tmp_path / "missing" / "y.arpa", model, vocab)


@pytest.mark.parametrize("token", ["a b", "a\tb", "a\nb", "", "<s>", "</s>", "<UNK>"])
def test_tokens_that_cannot_be_written(tmp_path: Path, token: str) -> None:
    vocab = Vocab([*SPECIAL_TOKENS, token], [0] * 5)
    model = NGramModel.estimate([[4]], 2, len(vocab))
    with pytest.raises(DataError, match=r"can't be written to an ARPA file"):
        write_arpa(tmp_path / "x.arpa", model, vocab)
    with pytest.raises(DataError, match="the vocabulary has 4 tokens and the model 5"):
        write_arpa(tmp_path / "x.arpa", model, Vocab.build([]))
    assert not list(tmp_path.iterdir())


def test_pad_is_not_in_the_file(tmp_path: Path) -> None:
    model, vocab = read_arpa(KENLM / "order4.arpa")
    write_arpa(tmp_path / "x.arpa", model, vocab)
    text = (tmp_path / "x.arpa").read_text()
    assert vocab.tokens(PAD_ID) not in text
    assert text.startswith("\\data\\\nngram 1=43\nngram 2=54\n")
