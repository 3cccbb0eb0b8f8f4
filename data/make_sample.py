"""Write `data/sample/`, a small English-French corpus out of a grammar, or check it.

    python data/make_sample.py            write the six files again, the same bytes every time
    python data/make_sample.py --check    compare them with the grammar, test what README.md says

The same seed gives the same bytes on every machine: only `random.Random.random` is used, whose
sequence Python guarantees. `sample_lexicon.py` has the words, `sample_grammar.py` the agreement,
`sample_draw.py` the choices, `sample_actions.py` and `sample_states.py` the kinds of sentence.
"""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from sample_actions import (
    animal_meals,
    animals_liking,
    arriving,
    giving,
    going,
    habits,
    having,
    leaving,
    liking,
    living,
    meals,
    objects,
    pronouns,
    singing,
    sleeping,
    speaking,
    working,
)  # fmt: skip
from sample_draw import Draw
from sample_grammar import Pair
from sample_states import feelings, looks, open_questions, somewhere, there_is

FOLDER = Path(__file__).parent / "sample"
SEED = 1
HELD_OUT = {"test": 300, "validation": 300}
LANGUAGES = ("en", "fr")
LEAST_IN_TRAIN = 4  # occurrences in train of every word form (as cased) of validation and test
MAX_BYTES = 1_000_000
# The kinds of sentence, and how many of each.
FAMILIES: tuple[tuple[Callable[[Draw], Pair], int], ...] = (
    (objects, 1700), (meals, 600), (habits, 140), (animal_meals, 160), (having, 350),
    (going, 500), (arriving, 250), (leaving, 250), (working, 180), (sleeping, 200), (singing, 150),
    (living, 220), (speaking, 240), (giving, 250), (pronouns, 260), (animals_liking, 18),
    (liking, 282), (feelings, 350), (looks, 350), (somewhere, 350), (there_is, 150),
    (open_questions, 300),
)  # fmt: skip
WORD = re.compile(r"\w+(?:-\w+)*'t\b|\w+(?:-\w+)*'?")

Splits = dict[str, list[Pair]]


def words(sentence: str) -> list[str]:
    """Cut a sentence into word forms: "I don't" -> I, don't; "J'ai" -> J', ai."""
    return WORD.findall(sentence)


def forms(pair: Pair) -> list[tuple[str, str]]:
    """All word forms of a pair, each with its language."""
    return [
        (language, word)
        for language, text in zip(LANGUAGES, pair, strict=True)
        for word in words(text)
    ]


def generate() -> list[Pair]:
    """Draw every family's share of sentences, all different, in random order."""
    draw = Draw(SEED)
    translations: dict[str, str] = {}
    sources: dict[str, str] = {}
    for family, share in FAMILIES:
        target = len(translations) + share
        for _ in range(60 * share):
            if len(translations) == target:
                break
            pair = family(draw)
            if translations.setdefault(pair.english, pair.french) != pair.french:
                raise ValueError(f"two translations: {pair} and {translations[pair.english]!r}")
            if sources.setdefault(pair.french, pair.english) != pair.english:
                raise ValueError(f"two sources: {pair} and {sources[pair.french]!r}")
        else:
            raise ValueError(f"{family.__name__} has fewer than {share} sentences")
    return draw.shuffled([Pair(source, target) for source, target in translations.items()])


def split(pairs: list[Pair]) -> Splits:
    """Take validation and test out of the pairs, leaving each of their words often in train."""
    left = Counter(form for pair in pairs for form in forms(pair))
    splits: Splits = {"train": [], "validation": [], "test": []}
    wanted = [name for name, size in HELD_OUT.items() for _ in range(size)]
    for pair in pairs:
        used = Counter(forms(pair))
        if wanted and all(left[form] - n >= LEAST_IN_TRAIN for form, n in used.items()):
            left -= used
            splits[wanted.pop()].append(pair)
        else:
            splits["train"].append(pair)
    return splits


def contents(splits: Splits) -> dict[str, bytes]:
    """The bytes of every file, by file name."""
    return {
        f"{name}.{language}": "".join(f"{pair[side]}\n" for pair in pairs).encode()
        for name, pairs in splits.items()
        for side, language in enumerate(LANGUAGES)
    }


def broken_promises(splits: Splits, files: dict[str, bytes]) -> list[str]:
    """Everything that README.md promises about the corpus and that does not hold."""
    problems = []
    for name, size in HELD_OUT.items():
        if len(splits[name]) != size:
            problems.append(f"{name} has {len(splits[name])} pairs, not {size}")
    if len(splits["train"]) < 5500:
        problems.append(f"train has only {len(splits['train'])} pairs")
    everything = [pair for pairs in splits.values() for pair in pairs]
    for side, language in enumerate(LANGUAGES):
        repeated = [text for text, n in Counter(p[side] for p in everything).items() if n > 1]
        problems += [f"twice in {language}: {text}" for text in repeated]
    in_train = Counter(form for pair in splits["train"] for form in forms(pair))
    for name in HELD_OUT:
        for language, word in sorted({form for pair in splits[name] for form in forms(pair)}):
            if in_train[language, word] < LEAST_IN_TRAIN:
                problems.append(f"{name}.{language}: {word!r} is too rare in train")
    if sum(map(len, files.values())) > MAX_BYTES:
        problems.append(f"the files have more than {MAX_BYTES} bytes")
    return problems


def different_files(files: dict[str, bytes]) -> list[str]:
    """The files in the folder that are not what the grammar makes."""
    problems = []
    for name, expected in files.items():
        path = FOLDER / name
        if not path.is_file():
            problems.append(f"sample/{name} is missing")
        elif path.read_bytes() != expected:
            problems.append(f"sample/{name} is not what the grammar makes")
    return problems


def summary(splits: Splits, files: dict[str, bytes]) -> str:
    """One line of counts."""
    pairs = [pair for part in splits.values() for pair in part]
    vocabulary = {
        language: len({word.lower() for pair in pairs for word in words(pair[side])})
        for side, language in enumerate(LANGUAGES)
    }
    sizes = ", ".join(f"{len(part):,} {name}" for name, part in splits.items())
    total = sum(map(len, files.values()))
    return (
        f"{sizes} pairs; {vocabulary['en']} English and {vocabulary['fr']} French word forms "
        f"(lower-cased); {total:,} bytes"
    )


def main() -> int:
    """Write or check; the exit code is 1 if something does not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, compare and verify")
    check = parser.parse_args().check
    splits = split(generate())
    files = contents(splits)
    problems = broken_promises(splits, files)
    if check:
        problems += different_files(files)
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    if problems:
        return 1
    if not check:
        FOLDER.mkdir(exist_ok=True)
        for name, data in files.items():
            (FOLDER / name).write_bytes(data)
    print(f"{'checked' if check else 'written'}: {summary(splits, files)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
