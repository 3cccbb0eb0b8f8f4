"""Noise on training sources: what each kind may do, how often, and that it is always the same."""

import math
from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.config.corpora import CorpusSettings
from seq2seq.config.data import DataSettings
from seq2seq.config.noise import NoiseSettings
from seq2seq.data.noise import Letters, SourceNoise, misspell, noisy_words, switch_out
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.data.tokenizers.rule_based import WordTokenizer
from seq2seq.data.vocabulary import UNK_ID, Vocab
from seq2seq.errors import SettingsError

LETTERS = Letters.of_texts(["een kat", "१ कि"])
SYMBOLS = ("<BT>", "<num>")


def pipeline_of(texts: list[str]) -> TextPipeline:
    tokenizer = WordTokenizer(special_symbols=SYMBOLS)
    tokens = tokenizer.tokenize_all(texts)
    return TextPipeline(tokenizer, Vocab.build(tokens, reserved=tokenizer.reserved))


def noise_of(texts: list[str], **settings: float) -> SourceNoise:
    return SourceNoise(DataSettings(noise=NoiseSettings(**settings)), texts, (), pipeline_of(texts))


words = st.lists(st.integers(0, 99).map(str), unique=True, min_size=1, max_size=12)


@given(words, st.integers(1, 4), st.randoms(use_true_random=False))
def test_no_word_is_shuffled_farther_than_that(names: list[str], k: int, generator: Random) -> None:
    found = noisy_words(" ".join(names), NoiseSettings(shuffle=k), LETTERS, generator).split(" ")
    assert sorted(found) == sorted(names)
    assert all(abs(found.index(name) - place) <= k for place, name in enumerate(names))


@given(words, st.randoms(use_true_random=False))
def test_words_are_left_out_and_one_stays(names: list[str], generator: Random) -> None:
    found = noisy_words(" ".join(names), NoiseSettings(drop=0.9), LETTERS, generator).split(" ")
    assert found == [name for name in names if name in found]
    assert found


@given(st.text("abcé'-7 ", min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_a_typo_is_one_letter_of_the_text(word: str, generator: Random) -> None:
    found = misspell(word, LETTERS, generator)
    deleted = {word[:i] + word[i + 1 :] for i in range(len(word))}
    inserted = {word[:i] + x + word[i:] for i in range(len(word) + 1) for x in "enkati"} | {
        word[:i] + x + word[i:] for i in range(len(word) + 1) for x in "कि"
    }
    replaced = {word[:i] + x + word[i + 1 :] for i in range(len(word)) for x in "enkatकि"}
    exchanged = {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)}
    assert found in {word, *deleted, *inserted, *replaced, *exchanged}
    rest = [Counter(x for x in text if not x.isalpha() and x != "ि") for text in (found, word)]
    assert rest[0] == rest[1], "nothing but letters has typos"
    assert found.strip() or not any(map(str.isalpha, word))


def test_kinds_of_noise_come_as_often_as_is_said() -> None:
    texts = ["Emma sees the old house again today."] * 4000
    positions = range(len(texts))
    count = len(texts[0].split())

    def noisy(**settings: float) -> list[str]:
        return noise_of(texts, **settings).noisy_texts(positions, seed=3)

    left = sum(len(text.split()) for text in noisy(drop=0.1)) / (count * len(texts))
    assert left == pytest.approx(0.9, abs=0.01)
    lower = sum(text == texts[0].lower() for text in noisy(lowercase=0.3)) / len(texts)
    assert lower == pytest.approx(0.3, abs=0.03)
    bare = sum(text == texts[0][:-1] for text in noisy(punctuation=0.2)) / len(texts)
    assert bare == pytest.approx(0.2, abs=0.03)
    pairs = [
        (a, b)
        for text in noisy(typos=0.2)
        for a, b in zip(text.split(), texts[0].split(), strict=True)
    ]
    # A letter may take the place of itself: a few typos change nothing.
    assert sum(a != b for a, b in pairs) / len(pairs) == pytest.approx(0.19, abs=0.02)
    noise = noise_of(texts, blank=0.1)
    ids = noise.noisy_ids(noise.pipeline.encode(texts), positions, seed=3)
    blanks = sum(row.count(UNK_ID) for row in ids) / sum(map(len, ids))
    assert blanks == pytest.approx(0.1, abs=0.01)


def test_switch_out_draws_how_many_tokens_become_others() -> None:
    ids, fixed, temperature = [4, 5, 6, 9], frozenset({0, 1, 2, 3, 9}), 0.8
    generator = Random(1)
    draws = [switch_out(ids, temperature, fixed, 12, generator) for _ in range(20_000)]
    assert {row[3] for row in draws} == {9}, "what is fixed stays"
    assert not {number for row in draws for number in row[:3]} & fixed
    weights = [math.exp(-n / temperature) for n in range(4)]
    changed = Counter(sum(a != b for a, b in zip(row, ids, strict=True)) for row in draws)
    for n, weight in enumerate(weights):
        assert changed[n] / len(draws) == pytest.approx(weight / sum(weights), abs=0.01)
    places = Counter(p for row in draws for p in range(3) if row[p] != ids[p])
    assert max(places.values()) < 1.1 * min(places.values())


def test_special_symbols_stay_in_their_places() -> None:
    texts = ["<BT> The big red dog has <num> puppies now."] * 50
    noise = noise_of(texts, drop=0.5, blank=0.5, shuffle=3, typos=0.5, lowercase=0.5, switch_out=5)
    found = noise.noisy_texts(range(50), seed=1)
    for text in found:
        assert text.startswith("<BT> ")
        assert text.count("<num>") == 1
        before, after = text.removeprefix("<BT> ").split(" <num> ")
        assert len(before.split()) in range(1, 6)
        assert len(after.split()) in (1, 2)
    ids = noise.pipeline.encode(found)
    symbols = noise.pipeline.vocab.ids([*SYMBOLS])
    for row, noisy in zip(ids, noise.noisy_ids(ids, range(50), seed=1), strict=True):
        assert [n for n in row if n in symbols] == [n for n in noisy if n in symbols]
        assert len(row) == len(noisy)
    assert noise.noisy_texts(range(50), seed=2) != found


def test_text_without_spaces_has_words_too() -> None:
    noise = noise_of(["我们今天去北京。"], shuffle=2, drop=0.2)
    found = {noise.noisy_texts([0], seed)[0] for seed in range(40)}
    assert len(found) > 20
    assert all(" " not in text and {*text} <= {*"我们今天去北京。"} for text in found)


def test_a_sentence_has_the_noise_of_its_seed_and_place() -> None:
    texts = [f"this is sentence {name} of five" for name in "abcde"]
    noise = noise_of(texts, drop=0.3, typos=0.3, switch_out=1)
    whole = noise.noisy_texts(range(5), seed=7)
    assert noise.noisy_texts(range(5), seed=7) == whole
    assert noise.noisy_texts(range(3), seed=7) == whole[:3], "whatever comes behind it"
    assert noise.noisy_texts([0, 0], seed=7)[0] != noise.noisy_texts([0, 0], seed=7)[1]
    ids = noise.pipeline.encode(texts)
    assert noise.noisy_ids(ids, range(5), 7)[:2] == noise.noisy_ids(ids[:2], range(2), 7)


def test_noise_is_of_all_the_text_or_of_a_corpus() -> None:
    texts = ["A b c d.", "E f g h.", "I j k l."]
    mix = tuple(
        CorpusSettings(name=name, train=f"{name}.tsv", noise=noise)
        for name, noise in (("one", NoiseSettings()), ("two", NoiseSettings(lowercase=1)))
    )
    data = DataSettings(mix=mix)
    found = SourceNoise(data, texts, (1, 2), pipeline_of(texts)).noisy_texts([0, 1, 2], 1)
    assert found == ["A b c d.", "e f g h.", "i j k l."]
    data = DataSettings(mix=mix, noise=NoiseSettings(punctuation=1))
    noise = SourceNoise(data, texts, (1, 2), pipeline_of([*texts, "i"]))
    assert noise.noisy_texts([0, 2], 1) == ["A b c d", "i j k l"]
    assert [*noise.examples()][-1] == "with noise: I j k l. -> i j k l"
    assert not SourceNoise(DataSettings(), texts, (), pipeline_of(texts))


def test_examples_show_what_noise_changes() -> None:
    noise = noise_of(["a b.", "c d.", "e F.", "g h.", "I j."], lowercase=1)
    assert {*noise.examples()} == {"with noise: e F. -> e ⁇.", "with noise: I j. -> ⁇ j."}
    noise = noise_of(["a b.", "c d.", "E f."], lowercase=1e-9)
    assert [*noise.examples()] == ["with noise: a b. -> a b.", "with noise: c d. -> c d."]


@pytest.mark.parametrize(
    ("text", "settings", "why"),
    [
        ("one", {"drop": 0.1}, "--data.noise.drop 0.1 has no effect: no source has two words"),
        ("one.", {"shuffle": 3}, "shuffle 3 has no effect: no source has two words"),
        ("1 + 1", {"typos": 0.1}, "no source has a letter"),
        ("<BT> 我们", {"lowercase": 0.1}, "no source has a capital letter"),
        ("So what <num>", {"punctuation": 0.5}, "no source has punctuation at its end"),
        ("one", {"switch_out": 1}, "SwitchOut has no effect"),
    ],
)
def test_noise_without_effect_is_refused(text: str, settings: dict[str, float], why: str) -> None:
    with pytest.raises(SettingsError) as caught:
        noise_of([text], **settings)
    assert why in str(caught.value)
