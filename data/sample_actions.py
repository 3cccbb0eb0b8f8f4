"""Sentences with a verb: what people and animals do, in the sample corpus.

A family is a function that draws one sentence at random. What it draws from is restricted to what
people would say: cats drink milk, teachers read newspapers, nobody reads cheese.
"""

from collections.abc import Sequence

from sample_draw import (
    ANIMALS,
    AT,
    FUTURE,
    IN,
    MOODS,
    NAMES,
    NEAR,
    NOTHING,
    PAST,
    PEOPLE,
    TO,
    TOWN,
    WHO,
    Draw,
    at_home,
    company,
    grown_up,
    in_town,
    join,
    placed,
    sleeping_place,
    someone,
    tense_and_mood,
    text,
    thing,
    time_of,
)  # fmt: skip
from sample_grammar import Pair, Phrase, clause, noun_phrase
from sample_lexicon import FRAMES, MASS, QUALITIES, VERBS


def object_clause(draw: Draw, verbs: Sequence[str]) -> Pair:
    """Somebody does something to something."""
    verb = draw.of(verbs)
    frame = FRAMES[verb]
    tense, mood = tense_and_mood(draw, frame.tenses)
    noun = draw.of(tuple(frame.objects))
    costly = verb == "sell" or noun in ("car", "house")
    subject = grown_up(draw, mood) if costly else someone(draw, mood)
    determiner = draw.of(frame.objects[noun])
    if noun in subject.english or (determiner.startswith("own") and not subject.owner):
        return object_clause(draw, verbs)
    if determiner == "own" and subject.owner in ("our", "their") and noun in ("hat", "umbrella"):
        determiner = "own-plural"  # a hat for each of us
    if verb == "have" and mood != "statement":
        determiner = "a"  # I don't have a brother, never: I don't have these two brothers
    ambiguous = VERBS[verb].past == VERBS[verb].base  # I read: present or past?
    time = time_of(draw, tense, always=ambiguous)
    if verb == "sell" and time != NOTHING:
        time = {"past": PAST, "future": FUTURE}[tense][0]  # nobody sells a house tonight
    ask_who = mood == "question" and draw.of((False, False, False, True))
    if ask_who and tense == "past" and subject.owner:
        return clause(WHO, verb, tense, join(thing(draw, noun, "the", "", False), time), "who")
    rest = thing(draw, noun, determiner, subject.owner, mood == "negation")
    return clause(subject, verb, tense, join(rest, time), mood)


def objects(draw: Draw) -> Pair:
    """I bought a red car. We didn't sell our house. Did you lose your keys?"""
    return object_clause(draw, tuple(v for v in FRAMES if v not in ("eat", "drink", "have")))


def meals(draw: Draw) -> Pair:
    """The child is eating an apple. My father doesn't want to drink any coffee."""
    return object_clause(draw, ("eat", "drink"))


def having(draw: Draw) -> Pair:
    """I have two brothers. Paul doesn't have a car."""
    return object_clause(draw, ("have",))


def habits(draw: Draw) -> Pair:
    """He often drinks coffee. Do you often eat apples?"""
    mood = draw.of(("statement", "question"))
    noun = draw.of(
        ("coffee", "milk", "water", "apple", "egg", "fish", "bread", "cheese", "soup", "meat")
    )
    verb = "drink" if noun in ("coffee", "milk", "water") else "eat"
    food = noun_phrase(noun, "partitive", plural=noun not in MASS)
    return clause(someone(draw, mood), verb, "habit", text(food), mood)


def animal_meals(draw: Draw) -> Pair:
    """The cat is eating the fish. The birds didn't eat any bread."""
    menu = {
        "cat": (("eat", "fish"), ("eat", "meat"), ("drink", "milk"), ("drink", "water")),
        "dog": (("eat", "meat"), ("eat", "cake"), ("eat", "bread"), ("drink", "water")),
        "bird": (("eat", "bread"), ("eat", "apple"), ("drink", "water")),
        "horse": (("eat", "apple"), ("eat", "bread"), ("drink", "water")),
    }
    animal = draw.of(tuple(menu))
    owner = draw.of(("the", "my", "your"))
    subject = noun_phrase(animal, owner, plural=draw.of((True, False)))
    verb, noun = draw.of(menu[animal])
    mood = "statement" if owner == "my" else draw.of(MOODS)
    tense = draw.of(("progressive", "past", "past", "future"))
    determiner = draw.of(("the", "some" if noun in MASS else "this"))
    rest = thing(draw, noun, determiner, "", mood == "negation")
    time = draw.of((NOTHING, *PAST)) if tense == "past" else NOTHING
    return clause(subject, verb, tense, join(rest, time), mood)


def going(draw: Draw) -> Pair:
    """Marie went to the beach yesterday. We are going to the park tomorrow."""
    tenses = ("progressive", "past", "past", "want", "must", "can", "habit")
    tense, mood = tense_and_mood(draw, tenses)
    subject = someone(draw, mood)
    time = time_of(draw, "future" if tense in ("progressive", "want") else tense)
    place = in_town(draw, TO, [town for town in TOWN if town != "church"])
    if not time[0] and draw.of((True, False)):
        time = company(draw, subject)
    return clause(subject, "go", tense, join(place, time), mood)


def arriving(draw: Draw) -> Pair:
    """Our mother arrived at the hotel. My friend is going to arrive at the station tomorrow."""
    tense, mood = tense_and_mood(draw, ("past", "past", "future"))
    place = in_town(draw, AT, ("hotel", "station", "hospital", "restaurant", "beach", "park"))
    return clause(someone(draw, mood), "arrive", tense, join(place, time_of(draw, tense)), mood)


def leaving(draw: Draw) -> Pair:
    """The girls left this morning. I want to leave with my brother."""
    tense, mood = tense_and_mood(draw, ("past", "past", "future", "want", "must", "can"))
    subject = someone(draw, mood)
    time = time_of(draw, tense if tense == "past" else "future", always=True)
    if draw.of((True, False)):
        time = join(company(draw, subject), draw.of((time, NOTHING)))
    return clause(subject, "leave", tense, time, mood)


def working(draw: Draw) -> Pair:
    """My sister works at the hospital. Paul doesn't want to work at the market."""
    tense, mood = tense_and_mood(draw, ("present", "present", "past", "want", "must"))
    where = in_town(draw, AT, ("market", "restaurant", "hotel", "hospital", "station"))
    where = join(where, time_of(draw, tense))
    return clause(grown_up(draw, mood), "work", tense, where, mood)


def sleeping(draw: Draw) -> Pair:
    """The children are sleeping in the garden. The cat slept on the bed. I can't sleep."""
    tense, mood = tense_and_mood(draw, ("progressive", "progressive", "past", "future", "can"))
    subject = someone(draw, mood)
    if tense == "can":
        return clause(subject, "sleep", tense, NOTHING, mood)
    place = at_home(draw, ("garden", "car", "house"))
    time = time_of(draw, tense)
    if draw.of((True, False, False)):
        subject, place = draw.of(ANIMALS[:4]), sleeping_place(draw)
        time = time if tense == "past" else NOTHING  # cats make no plans
    return clause(subject, "sleep", tense, join(place, time), mood)


def singing(draw: Draw) -> Pair:
    """Marie is singing with her friends. The boys sang in the garden yesterday."""
    tense, mood = tense_and_mood(draw, ("progressive", "past", "future"))
    subject = someone(draw, mood)
    rest = join(at_home(draw, ("garden", "kitchen")), time_of(draw, tense))
    return clause(subject, "sing", tense, draw.of((rest, rest, company(draw, subject))), mood)


def living(draw: Draw) -> Pair:
    """My friends live in Paris. Does Marie live in a small house?"""
    mood = draw.of(MOODS)
    house = noun_phrase("house", "a", draw.of(QUALITIES["house"]))
    home = draw.of((("in Paris", "à Paris"), ("in London", "à Londres"), placed(IN, house)))
    home = draw.of((home, in_town(draw, NEAR), placed(IN, noun_phrase("house", "this"))))
    return clause(someone(draw, mood), "live", "present", home, mood)


def speaking(draw: Draw) -> Pair:
    """Do you speak English? The teacher spoke to the children."""
    if draw.of((True, False, False)):
        mood = draw.of(MOODS)
        language = draw.of((("French", "français"), ("English", "anglais")))
        return clause(someone(draw, mood), "speak", "present", language, mood)
    tense, mood = tense_and_mood(draw, ("progressive", "past", "future", "want", "must"))
    subject = someone(draw, mood)
    rest = join(placed(TO, receiver(draw, subject)), time_of(draw, tense))
    return clause(subject, "speak", tense, rest, mood)


def receiver(draw: Draw, subject: Phrase) -> Phrase:
    """Choose a person who is not the subject."""
    relatives = ("mother", "father", "brother", "sister", "friend")
    own = tuple(noun_phrase(noun, subject.owner) for noun in relatives) if subject.owner else ()
    while True:
        person = draw.of(draw.of((PEOPLE, own or PEOPLE, NAMES[:2])))
        if person.english.split()[-1] not in subject.english:
            return person


def giving(draw: Draw) -> Pair:
    """Paul gave a flower to the teacher. She doesn't want to give the key to Marie."""
    tense, mood = tense_and_mood(draw, ("past", "past", "future", "want", "must"))
    subject = someone(draw, mood)
    noun = draw.of(("flower", "apple", "book", "letter", "key", "umbrella", "cake"))
    determiner = "the" if noun == "key" else draw.of(("a", "the", "this"))
    gift = thing(draw, noun, determiner, "", mood == "negation")
    return clause(subject, "give", tense, join(gift, placed(TO, receiver(draw, subject))), mood)


def pronouns(draw: Draw) -> Pair:
    """I know her. We saw them yesterday. My brother is going to help them."""
    verbs: tuple[tuple[str, tuple[str, ...]], ...] = (
        ("know", ("present",)),
        ("help", ("progressive", "past", "future", "want", "must", "can")),
        ("look for", ("progressive", "past")),
        ("see", ("past", "want", "future")),
        ("find", ("past", "must")),
    )
    verb, tenses = draw.of(verbs)
    tense, mood = tense_and_mood(draw, tenses)
    pronoun, clitic = draw.of((("him", "le"), ("her", "la"), ("them", "les")))
    if verb == "help" and tense != "past":  # l'aider: him or her
        pronoun, clitic = "them", "les"
    rest = join((pronoun, ""), time_of(draw, tense))
    return clause(someone(draw, mood), verb, tense, rest, mood, clitic)


def animals_liking(draw: Draw) -> Pair:
    """Cats like fish. Do horses like apples? Dogs don't like cats."""
    tastes = (
        ("cat", ("fish", "milk", "meat"), ("water", "dog", "bread")),
        ("dog", ("meat", "cheese", "bread"), ("cat", "coffee")),
        ("horse", ("apple", "bread"), ("meat", "fish", "dog")),
        ("bird", ("bread", "apple"), ("cat", "milk")),
    )
    animal, likes, dislikes = draw.of(tastes)
    mood = draw.of(("statement", "negation", "question"))
    noun = draw.of(dislikes if mood == "negation" else likes)
    subject = noun_phrase(animal, "bare", plural=True)
    liked = noun_phrase(noun, "bare", plural=noun not in MASS)
    return clause(subject, "like", "present", text(liked), mood)


def liking(draw: Draw) -> Pair:
    """I like coffee. Does your sister like this restaurant?"""
    things = ["book", "story", "house", "car", "hat", "dress", "restaurant", "hotel", "garden"]
    many = ["cat", "dog", "bird", "horse", "flower", "apple", "book", "egg"]
    liked = draw.of(
        (
            noun_phrase(draw.of(MASS), "bare"),
            noun_phrase(draw.of(many), "bare", plural=True),
            noun_phrase(draw.of(things), "this"),
        )
    )
    mood = draw.of(MOODS)
    return clause(someone(draw, mood), "like", "present", text(liked), mood)
