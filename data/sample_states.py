"""Sentences about how and where things are, and open questions, in the sample corpus.

As in `sample_actions.py`, a family is a function that draws one sentence at random.
"""

from sample_draw import (
    AT,
    IN,
    MOODS,
    NEAR,
    NOTHING,
    ON,
    TOWN,
    VERY,
    Draw,
    at_home,
    grown_up,
    in_town,
    join,
    placed,
    sleeping_place,
    someone,
    text,
    time_of,
)
from sample_grammar import Pair, agree, clause, noun_phrase, sentence, state
from sample_lexicon import PRESENT_HAVE, QUALITIES


def feelings(draw: Draw) -> Pair:
    """I am tired. The woman is afraid of the dog. Are the children hungry?"""
    mood = draw.of(MOODS)
    subject = someone(draw, mood)
    very = draw.of((NOTHING, NOTHING, VERY)) if mood != "negation" else NOTHING
    kind = draw.of(("adjective", "adjective", "have", "fear", "late"))
    if kind == "adjective":
        adjective = draw.of(("tired", "sick", "happy"))
        form = agree(adjective, subject.feminine, subject.plural)
        return state(subject, join(very, (adjective, form)), mood)
    if kind == "late":
        return state(subject, ("late", "en retard"), mood)
    if kind == "fear":
        animal, plural = draw.of(("dog", "horse", "cat", "bird")), draw.of((True, False))
        of_animal = placed(("of", "de"), noun_phrase(animal, "the", plural=plural))
        return state(subject, join(("afraid", "peur"), of_animal), mood, PRESENT_HAVE)
    word = draw.of((("hungry", "faim"), ("thirsty", "soif"), ("right", "raison")))
    if word[0] == "right":
        return state(subject, word, mood, PRESENT_HAVE)
    return state(subject, join(very, word), mood, PRESENT_HAVE)


LOOKS = {
    "car": "red black white old expensive beautiful",
    "house": "small big old white beautiful expensive",
    "hat": "red black white old expensive",
    "dress": "red black white expensive beautiful",
    "bike": "red black old expensive",
    "phone": "old expensive black",
    "umbrella": "red black old",
    "book": "interesting old expensive",
    "story": "interesting beautiful",
    "garden": "small big beautiful",
    "flower": "red white beautiful expensive",
    "door": "red white black",
    "kitchen": "small big white",
    "hotel": "small big old new expensive",
    "restaurant": "small big new expensive",
    "church": "small big old beautiful",
    "soup": "hot cold",
    "coffee": "hot cold",
    "water": "hot cold",
    "milk": "hot cold",
    "bread": "hot cold",
    "cat": "small black white old beautiful",
    "dog": "small big black white old",
    "horse": "black white old beautiful",
}


def looks(draw: Draw) -> Pair:
    """The soup is cold. These flowers are very beautiful. Is your car new?"""
    mood = draw.of(MOODS)
    noun = draw.of(tuple(LOOKS))
    adjective = draw.of(LOOKS[noun].split())
    plural = noun in ("flower", "cat", "dog", "horse", "book") and draw.of((True, False))
    own = ("my", "your", "our") if mood != "question" else ("your",)
    articles: tuple[str, ...] = ("the", "these" if plural else "this")
    if noun in (
        "car",
        "house",
        "hat",
        "dress",
        "bike",
        "phone",
        "umbrella",
        "cat",
        "dog",
        "garden",
    ):
        articles = (*articles, draw.of(own))
    subject = noun_phrase(noun, draw.of(articles), plural=plural)
    colour = adjective in ("red", "black", "white", "new")
    very = VERY if mood != "negation" and not colour and draw.of((True, False, False)) else NOTHING
    form = agree(adjective, subject.feminine, subject.plural)
    return state(subject, join(very, (adjective, form)), mood)


SMALL_THINGS = ("key", "hat", "phone", "umbrella", "book", "letter", "newspaper")


def somewhere(draw: Draw) -> Pair:
    """Your keys are on the table. Where is my umbrella? Paul is in the kitchen."""
    mood = draw.of(MOODS)
    own = ("the", "your") if mood == "question" else ("the", "my", "your", "our")
    kind = draw.of(("thing", "thing", "animal", "person", "building"))
    if kind == "thing":
        subject = noun_phrase(
            draw.of(SMALL_THINGS), draw.of(own), plural=draw.of((True, False, False))
        )
        place = draw.of((sleeping_place(draw), at_home(draw, ("kitchen", "car"))))
    elif kind == "animal":
        subject = noun_phrase(draw.of(("cat", "dog")), draw.of(own), plural=draw.of((True, False)))
        place = draw.of((sleeping_place(draw), at_home(draw)))
    elif kind == "person":
        subject = someone(draw, mood)
        place = draw.of((at_home(draw), in_town(draw, AT)))
    else:
        noun = draw.of(("hotel", "restaurant", "church", "market", "hospital"))
        subject = noun_phrase(noun, "the")
        place = in_town(draw, NEAR, [other for other in TOWN if other != noun])
    pronoun = subject.english in ("you", "he", "she", "they")
    if mood == "question" and not pronoun and draw.of((True, False)):
        is_english, is_french = ("are", "sont") if subject.plural else ("is", "est")
        words = f"where {is_english} {subject.english}", f"où {is_french} {subject.french}"
        return sentence(*words, "?")
    return state(subject, place, mood)


def there_is(draw: Draw) -> Pair:
    """There is a black cat in the garden. Is there a hotel near the station?"""
    kind = draw.of(("animal", "thing", "building"))
    if kind == "animal":
        noun = draw.of(("cat", "dog", "bird", "horse"))
        place = placed(IN, noun_phrase("tree" if noun == "bird" else "garden", "the"))
    elif kind == "thing":
        noun = draw.of(("key", "letter", "book", "hat", "apple", "egg", "cake"))
        place = placed(ON, noun_phrase("table", "the"))
    else:
        noun = draw.of(("hotel", "restaurant", "church", "garden"))
        place = in_town(draw, NEAR, ("station", "beach", "park", "market", "hospital"))
    articles: tuple[str, ...] = ("a", "two", "three") if kind != "building" else ("a",)
    article = draw.of(articles)
    plural = article != "a"
    qualified = article == "a" and noun in QUALITIES and draw.of((True, True, False))
    adjective = draw.of(QUALITIES[noun]) if qualified else ""
    found = text(noun_phrase(noun, article, adjective, plural))
    mood = "statement" if plural else draw.of(MOODS)
    if mood == "negation":
        nothing = text(noun_phrase(noun, "no a", adjective))
        return sentence(
            f"there isn't {nothing[0]} {place[0]}", f"il ne y a pas {nothing[1]} {place[1]}"
        )
    if mood == "question":
        return sentence(
            f"is there {found[0]} {place[0]}", f"est-ce que il y a {found[1]} {place[1]}", "?"
        )
    verb = "are" if plural else "is"
    return sentence(f"there {verb} {found[0]} {place[0]}", f"il y a {found[1]} {place[1]}")


def open_questions(draw: Draw) -> Pair:
    """What did you buy yesterday? Where is Paul going? When did she leave?"""
    subject = someone(draw, "question")
    kind = draw.of(("what", "what", "what", "where", "when", "why"))
    if kind == "what":
        verb, tenses = draw.of(
            (
                ("eat", ("progressive", "past", "future", "want")),
                ("drink", ("progressive", "past", "want")),
                ("read", ("progressive", "future", "want")),
                ("look for", ("progressive",)),
                ("buy", ("past", "future", "want")),
                ("sell", ("past", "want")),
                ("lose", ("past",)),
                ("find", ("past",)),
                ("see", ("past", "want")),
            )
        )
        tense = draw.of(tenses)
        subject = grown_up(draw, "question") if verb == "sell" else subject
        time = time_of(draw, tense)
        return clause(subject, verb, tense, time, "question", "", ("what", "que est-ce que"))
    if kind == "where":
        verb, tense = draw.of(
            (("go", "progressive"), ("go", "past"), ("work", "present"), ("live", "present"),
             ("sleep", "past"))
        )  # fmt: skip
        subject = grown_up(draw, "question") if verb == "work" else subject
        time = time_of(draw, tense) if verb in ("go", "sleep") else NOTHING
        return clause(subject, verb, tense, time, "question", "", ("where", "où est-ce que"))
    if kind == "when":
        verb, tense = draw.of(
            (("leave", "past"), ("leave", "future"), ("arrive", "past"), ("arrive", "future"))
        )
        return clause(subject, verb, tense, NOTHING, "question", "", ("when", "quand est-ce que"))
    adjective = draw.of(("tired", "happy", "late", "sick"))
    form = (
        agree(adjective, subject.feminine, subject.plural) if adjective != "late" else "en retard"
    )
    return state(subject, (adjective, form), "question", question=("why", "pourquoi est-ce que"))
