"""What the sample corpus draws its sentences from: chance, people, times and places."""

import random
from collections.abc import Sequence
from typing import TypeVar

from sample_grammar import ILS, JE, NOUS, VOUS, Phrase, noun_phrase
from sample_lexicon import MASS, QUALITIES

Item = TypeVar("Item")
Text = tuple[str, str]  # the same words in English and in French


class Draw:
    """A source of random choices that is the same on every version of Python."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def of(self, items: Sequence[Item]) -> Item:
        """Choose one of the items."""
        return items[int(self._random.random() * len(items))]

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        """Put the items in random order."""
        keys = [self._random.random() for _ in items]
        return [items[i] for i in sorted(range(len(items)), key=lambda i: keys[i])]


# Subjects. "I" and "we" speak as men, "you" is always plural or polite, "they" is always ils.
SPEAKERS = (Phrase("I", "je", JE, owner="my"), Phrase("we", "nous", NOUS, plural=True, owner="our"))
OTHERS = (
    Phrase("you", "vous", VOUS, plural=True, owner="your"),
    Phrase("he", "il", owner="his"),
    Phrase("she", "elle", feminine=True, owner="her"),
    Phrase("they", "ils", ILS, plural=True, owner="their"),
)
PAUL = Phrase("Paul", "Paul", owner="his")
MARIE = Phrase("Marie", "Marie", feminine=True, owner="her")
NAMES = (PAUL, MARIE, Phrase("Paul and Marie", "Paul et Marie", ILS, plural=True, owner="their"))
PEOPLE = tuple(
    noun_phrase(noun, "the")
    for noun in ("man", "woman", "boy", "girl", "child", "teacher", "doctor")
) + tuple(
    noun_phrase(noun, "the", plural=True) for noun in ("man", "woman", "boy", "girl", "child")
)
FAMILY = tuple(
    noun_phrase(noun, owner, plural=plural)
    for owner in ("my", "your", "our")
    for noun, plural in (
        ("mother", False), ("father", False), ("brother", False), ("sister", False),
        ("friend", False), ("friend", True),
    )
)  # fmt: skip
WHO = Phrase("who", "qui")
ANIMALS = tuple(
    noun_phrase(noun, "the", plural=plural)
    for noun in ("cat", "dog", "bird", "horse")
    for plural in (False, True)
)

MOODS = ("statement", "statement", "statement", "negation", "question")
NOTHING: Text = ("", "")
VERY: Text = ("very", "très")
PAST = (("yesterday", "hier"), ("this morning", "ce matin"))
FUTURE = (("tomorrow", "demain"), ("tonight", "ce soir"))


def someone(draw: Draw, mood: str = "statement") -> Phrase:
    """Choose a person to be the subject; nobody is asked about the speaker."""
    groups: list[tuple[Phrase, ...]] = [OTHERS, OTHERS, NAMES, PEOPLE, FAMILY]
    if mood != "question":
        groups[1] = SPEAKERS
    while True:
        subject = draw.of(draw.of(groups))
        if mood != "question" or not subject.english.startswith(("my ", "our ")):
            return subject


def grown_up(draw: Draw, mood: str) -> Phrase:
    """Choose a person who may have a job or sell a house."""
    while True:
        subject = someone(draw, mood)
        if not any(young in subject.english for young in ("child", "boy", "girl")):
            return subject


def time_of(draw: Draw, tense: str, always: bool = False) -> Text:
    """Choose a time that goes with the tense, or none."""
    times = {"past": PAST, "future": FUTURE}.get(tense, ())
    if not times or (not always and draw.of((True, False, False))):
        return NOTHING
    return draw.of(times)


def join(*parts: Text) -> Text:
    """Put pieces of text one after the other in both languages."""
    return " ".join(part[0] for part in parts), " ".join(part[1] for part in parts)


def text(phrase: Phrase) -> Text:
    """Take a phrase's words in both languages."""
    return phrase.english, phrase.french


def placed(preposition: Text, phrase: Phrase) -> Text:
    """Put a preposition before its phrase."""
    return join(preposition, text(phrase))


def thing(draw: Draw, noun: str, determiner: str, owner: str, negative: bool) -> Text:
    """Build an object with one of the determiners that `FRAMES` lists."""
    plural = determiner in ("two", "three", "these", "own-plural")
    plural = plural or (determiner == "some" and noun not in MASS)
    adjective = draw.of(QUALITIES[noun]) if determiner == "adjective" else ""
    if determiner.startswith("own"):
        adjective = "old" if determiner == "own-old" else ""
        determiner = owner or "the"
    if determiner in ("a", "adjective"):
        determiner = "no a" if negative else "a"
    if negative:
        determiner = {"some": "any", "two": "these", "three": "these"}.get(determiner, determiner)
    return text(noun_phrase(noun, determiner, adjective, plural))


def tense_and_mood(draw: Draw, tenses: Sequence[str]) -> tuple[str, str]:
    """Choose a tense and a mood that go together: "must" states, "can" denies or asks."""
    tense = draw.of(tenses)
    if tense == "must":
        return tense, "statement"
    if tense == "can":
        return tense, draw.of(("negation", "question"))
    if tense == "habit":
        return tense, draw.of(("statement", "question"))
    return tense, draw.of(MOODS)


IN: Text = ("in", "dans")
ON: Text = ("on", "sur")
UNDER: Text = ("under", "sous")
NEAR: Text = ("near", "près de")
AT: Text = ("at", "à")
TO: Text = ("to", "à")
WITH: Text = ("with", "avec")
TOWN = ("park", "market", "restaurant", "hotel", "hospital", "station", "church", "beach")


def at_home(draw: Draw, nouns: Sequence[str] = ("garden", "kitchen", "car", "house")) -> Text:
    """In the garden, in the kitchen, in the car."""
    return placed(IN, noun_phrase(draw.of(nouns), "the"))


def in_town(draw: Draw, preposition: Text, nouns: Sequence[str] = TOWN) -> Text:
    """To the park, at the hotel, near the church."""
    return placed(preposition, noun_phrase(draw.of(nouns), "the"))


def company(draw: Draw, subject: Phrase) -> Text:
    """With my brother, with Marie."""
    if subject.owner and draw.of((True, True, False)):
        relatives = ("mother", "father", "brother", "sister", "friend")
        relative = draw.of([noun for noun in relatives if noun not in subject.english])
        plural = relative == "friend" and draw.of((True, False))
        return placed(WITH, noun_phrase(relative, subject.owner, plural=plural))
    others = [name for name in (PAUL, MARIE) if name.english not in subject.english]
    return placed(WITH, draw.of((*others, noun_phrase("child", "the", plural=True))))


def sleeping_place(draw: Draw) -> Text:
    """On the bed, under the table."""
    preposition, noun = draw.of(((ON, "bed"), (UNDER, "bed"), (UNDER, "table"), (ON, "table")))
    return placed(preposition, noun_phrase(noun, "the"))
