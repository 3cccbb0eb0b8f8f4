"""The sample corpus: the same bytes every time, its promises, and its grammar word by word."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

DATA = Path(__file__).parents[2] / "data"
SPLITS = ("train", "validation", "test")


def lines(name: str) -> list[str]:
    """Read the lines of a file of the corpus, which has to end with a line end."""
    text = (DATA / "sample" / name).read_bytes().decode("utf-8")
    assert text.endswith("\n")
    assert "\r" not in text
    return text[:-1].split("\n")


@pytest.fixture(scope="module")
def make_sample() -> Iterator[ModuleType]:
    """Import the script, which lies outside the package."""
    sys.path.insert(0, str(DATA))
    try:
        import make_sample

        yield make_sample
    finally:
        sys.path.remove(str(DATA))


def test_regenerating_gives_the_same_bytes(make_sample: ModuleType) -> None:
    files = make_sample.contents(make_sample.split(make_sample.generate()))
    assert len(files) == 6
    for name, expected in files.items():
        assert (DATA / "sample" / name).read_bytes() == expected, name


@pytest.mark.slow
@pytest.mark.parametrize("hash_seed", ["0", "123"])
def test_check_passes_whatever_the_hash_seed(hash_seed: str) -> None:
    done = subprocess.run(
        [sys.executable, str(DATA / "make_sample.py"), "--check"],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("checked: ")


def test_check_names_a_changed_file(
    make_sample: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = make_sample.contents(make_sample.split(make_sample.generate()))
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "test.fr").write_text("Bonjour.\n", encoding="utf-8")
    monkeypatch.setattr(make_sample, "FOLDER", tmp_path)
    assert make_sample.different_files(files) == ["sample/test.fr is not what the grammar makes"]


def test_counts() -> None:
    for split, least in (("train", 6000), ("validation", 300), ("test", 300)):
        assert len(lines(f"{split}.en")) == len(lines(f"{split}.fr")) >= least


def test_no_sentence_occurs_twice() -> None:
    for language in ("en", "fr"):
        sentences = [line for split in SPLITS for line in lines(f"{split}.{language}")]
        assert len(sentences) == len(set(sentences))


def test_sentences_are_cased_and_end_with_punctuation() -> None:
    for split in SPLITS:
        for source, target in zip(lines(f"{split}.en"), lines(f"{split}.fr"), strict=True):
            assert source[0].isupper()
            assert target[0].isupper()
            assert source[-1] in ".?"
            assert target.endswith(" ?" if source[-1] == "?" else ".")
            assert "  " not in source + target
            assert source == source.strip()


def test_words_of_test_and_validation_are_in_train(make_sample: ModuleType) -> None:
    for language in ("en", "fr"):
        known = {word for line in lines(f"train.{language}") for word in make_sample.words(line)}
        for split in ("validation", "test"):
            for line in lines(f"{split}.{language}"):
                assert set(make_sample.words(line)) <= known, line


def spell(pair: tuple[str, str]) -> str:
    """Write a pair on one line."""
    return " = ".join(pair)


@pytest.mark.parametrize(
    ("subject", "verb", "tense", "rest", "mood", "expected"),
    [
        ("I", "look for", "progressive", ("my keys", "mes clés"), "statement",
         "I am looking for my keys. = Je cherche mes clés."),
        ("I", "live", "present", ("in Paris", "à Paris"), "negation",
         "I don't live in Paris. = Je n'habite pas à Paris."),
        ("Marie", "go", "past", ("to the hotel", "à le hôtel"), "statement",
         "Marie went to the hotel. = Marie est allée à l'hôtel."),
        ("Marie", "go", "past", ("to the market", "à le marché"), "negation",
         "Marie didn't go to the market. = Marie n'est pas allée au marché."),
        ("you", "leave", "past", ("yesterday", "hier"), "question",
         "Did you leave yesterday? = Est-ce que vous êtes partis hier ?"),
        ("she", "open", "can", ("the door", "la porte"), "question",
         "Can she open the door? = Est-ce qu'elle peut ouvrir la porte ?"),
        ("they", "speak", "past", ("to the children", "à les enfants"), "statement",
         "They spoke to the children. = Ils ont parlé aux enfants."),
        ("we", "eat", "progressive", ("some bread", "de le pain"), "statement",
         "We are eating some bread. = Nous mangeons du pain."),
        ("he", "drink", "habit", ("water", "de la eau"), "statement",
         "He often drinks water. = Il boit souvent de l'eau."),
        ("they", "sell", "future", ("their house", "leur maison"), "negation",
         "They aren't going to sell their house. = Ils ne vont pas vendre leur maison."),
    ],
)  # fmt: skip
def test_clauses(
    make_sample: ModuleType,
    subject: str,
    verb: str,
    tense: str,
    rest: tuple[str, str],
    mood: str,
    expected: str,
) -> None:
    import sample_draw
    import sample_grammar

    everybody = (*sample_draw.SPEAKERS, *sample_draw.OTHERS, *sample_draw.NAMES)
    phrase = next(person for person in everybody if person.english == subject)
    assert spell(sample_grammar.clause(phrase, verb, tense, rest, mood)) == expected


def test_object_pronouns_come_first_and_the_participle_agrees(make_sample: ModuleType) -> None:
    import sample_draw
    import sample_grammar

    i = sample_draw.SPEAKERS[0]
    her = sample_grammar.clause(i, "see", "past", ("her", ""), "negation", "la")
    assert spell(her) == "I didn't see her. = Je ne l'ai pas vue."
    them = sample_grammar.clause(i, "find", "must", ("them", ""), "statement", "les")
    assert spell(them) == "I must find them. = Je dois les trouver."


@pytest.mark.parametrize(
    ("noun", "article", "adjective", "plural", "expected"),
    [
        ("tree", "a", "beautiful", False, "a beautiful tree = un bel arbre"),
        ("man", "this", "old", False, "this old man = ce vieil homme"),
        ("man", "this", "", False, "this man = cet homme"),
        ("hotel", "a", "new", False, "a new hotel = un nouvel hôtel"),
        ("house", "the", "old", True, "the old houses = les vieilles maisons"),
        ("flower", "three", "white", True, "three white flowers = trois fleurs blanches"),
        ("horse", "two", "black", True, "two black horses = deux chevaux noirs"),
        ("umbrella", "a", "old", False, "an old umbrella = un vieux parapluie"),
        ("car", "my", "red", False, "my red car = ma voiture rouge"),
        ("story", "his", "", False, "his story = son histoire"),
        ("cat", "bare", "", True, "cats = les chats"),
        ("meat", "any", "", False, "any meat = de viande"),
        ("water", "some", "", False, "some water = de l'eau"),
    ],
)
def test_noun_phrases(
    make_sample: ModuleType, noun: str, article: str, adjective: str, plural: bool, expected: str
) -> None:
    import sample_grammar

    phrase = sample_grammar.noun_phrase(noun, article, adjective, plural)
    words = sample_grammar.english(phrase.english), sample_grammar.french(phrase.french)
    assert spell(words) == expected
