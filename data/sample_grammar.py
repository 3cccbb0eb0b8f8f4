"""The two grammars of the sample corpus: phrases and clauses, built in English and French at once.

French is put together as a list of words without elision ("je", "ai", "le", "hôtel"); `french`
joins it and does elision (j'ai, l'hôtel) and contraction (à le -> au) in one place.
"""

from typing import NamedTuple

from sample_lexicon import (
    ADJECTIVES,
    MODALS,
    NOUNS,
    PRESENT_BE,
    PRESENT_GO,
    PRESENT_HAVE,
    VERBS,
    Noun,
    Verb,
)

JE, IL, NOUS, VOUS, ILS = range(5)  # the persons, as `Verb.present` lists them


class Phrase(NamedTuple):
    """A noun phrase in both languages, with all that something else has to agree with."""

    english: str
    french: str
    person: int = IL
    feminine: bool = False
    plural: bool = False
    owner: str = ""  # the English possessive that refers back to it, "" for none


class Pair(NamedTuple):
    """A sentence and its translation."""

    english: str
    french: str


VOWELS = tuple("aeiouhâéèêîôœ")  # every h in this lexicon is mute
ELISION = {
    "le": "l'", "la": "l'", "je": "j'", "ne": "n'", "de": "d'", "que": "qu'",
    "ce": "cet", "ma": "mon", "sa": "son",
}  # fmt: skip
CONTRACTION = {("à", "le"): "au", ("à", "les"): "aux", ("de", "le"): "du", ("de", "les"): "des"}
OWNERS = {
    "my": ("mon", "ma", "mes"),
    "his": ("son", "sa", "ses"),
    "her": ("son", "sa", "ses"),
    "our": ("notre", "notre", "nos"),
    "your": ("votre", "votre", "vos"),
    "their": ("leur", "leur", "leurs"),
}
ARTICLES = {
    "the": ("le", "la", "les"),
    "a": ("un", "une", ""),
    "some": ("de le", "de la", "de les"),
    "this": ("ce", "cette", ""),
    "these": ("", "", "ces"),
    "two": ("", "", "deux"),
    "three": ("", "", "trois"),
    "any": ("de", "de", "de"),
    "no a": ("de", "de", ""),  # "a" under French negation: pas de voiture
    "partitive": ("de le", "de la", "de les"),  # often drinks coffee, boit souvent du café
    "bare": ("le", "la", "les"),  # English without article: coffee, cats -> le café, les chats
} | OWNERS  # fmt: skip
SILENT = {"no a": "a", "bare": "", "partitive": ""}


def french(text: str) -> str:
    """Elide and contract: "je ai vu le homme à le parc" -> "j'ai vu l'homme au parc"."""
    words = text.split()
    for i, following in enumerate(words[1:]):
        if following.startswith(VOWELS) or following == "y":
            words[i] = ELISION.get(words[i], words[i])
    joined: list[str] = []
    for word in words:
        if joined and (joined[-1], word) in CONTRACTION:
            joined[-1] = CONTRACTION[joined[-1], word]
        else:
            joined.append(word)
    return " ".join(joined).replace("' ", "'")


def english(text: str) -> str:
    """Choose between a and an: "a old man" -> "an old man"."""
    words = text.split()
    for i, following in enumerate(words[1:]):
        if words[i] == "a" and following.startswith(("a", "e", "i", "o", "u")):
            words[i] = "an"
    return " ".join(words)


def sentence(english_text: str, french_text: str, end: str = ".") -> Pair:
    """Join the words, write the first letter large, and end with a full stop or question mark."""
    source, target = english(english_text), french(french_text)
    french_end = end if end == "." else f" {end}"
    return Pair(source[0].upper() + source[1:] + end, target[0].upper() + target[1:] + french_end)


def agree(adjective: str, feminine: bool, plural: bool) -> str:
    """The French form of an English adjective."""
    forms = ADJECTIVES[adjective][1:5]
    return str(forms[feminine + 2 * plural])


def noun_phrase(name: str, article: str, adjective: str = "", plural: bool = False) -> Phrase:
    """Build a noun phrase: `("car", "a", "red")` -> a red car, une voiture rouge."""
    noun: Noun = NOUNS[name]
    article_french = ARTICLES[article][2 if plural else int(noun.feminine)]
    noun_french = noun.french_plural if plural else noun.french
    words = [article_french, noun_french]
    if adjective:
        entry = ADJECTIVES[adjective]
        form = agree(adjective, noun.feminine, plural)
        if not plural and not noun.feminine and noun_french.startswith(VOWELS):
            form = entry.before_vowel if entry.before_noun else form
        words.insert(1 if entry.before_noun else 2, form)
    owners = {"man": "his", "boy": "his", "father": "his", "brother": "his"}
    owner = "their" if plural else "her" if noun.feminine else owners.get(name, "")
    return Phrase(
        f"{SILENT.get(article, article)} {adjective} "
        f"{noun.english_plural if plural else noun.english}",
        " ".join(words),
        ILS if plural else IL,
        noun.feminine,
        plural,
        owner,
    )


def be(person: int) -> str:
    """English present of "be"."""
    return {JE: "am", IL: "is"}.get(person, "are")


def negated(auxiliary: str) -> str:
    """don't, isn't, can't; "am not" has no short form."""
    return {"am": "am not", "can": "can't"}.get(auxiliary, f"{auxiliary}n't")


def english_verb(verb: Verb, tense: str, person: int) -> tuple[str, str, str]:
    """The auxiliary ("" if there is one only for negation), the verb after it, the verb alone."""
    do = "does" if person == IL else "do"
    alone = verb.third if person == IL else verb.base
    if tense == "progressive":
        return be(person), verb.ing, f"{be(person)} {verb.ing}"
    if tense == "future":
        return be(person), f"going to {verb.base}", f"{be(person)} going to {verb.base}"
    if tense == "past":
        return "did", verb.base, verb.past
    if tense == "want":
        want = "wants" if person == IL else "want"
        return do, f"want to {verb.base}", f"{want} to {verb.base}"
    if tense in ("can", "must"):
        return tense, verb.base, f"{tense} {verb.base}"
    often = "often " if tense == "habit" else ""
    return do, often + verb.base, often + alone


def french_verb(verb: Verb, tense: str, subject: Phrase, clitic: str) -> tuple[str, str]:
    """The conjugated word, with which ne … pas goes, and what follows it."""
    person = subject.person
    if tense == "past":
        feminine, plural = subject.feminine, subject.plural
        if not verb.with_etre:  # avoir: the participle agrees with an object before it only
            feminine, plural = clitic == "la", clitic == "les"
        ending = ("e" if feminine else "") + ("s" if plural else "")
        auxiliary = PRESENT_BE if verb.with_etre else PRESENT_HAVE
        return f"{clitic} {auxiliary[person]}", verb.participle + ending
    if tense == "future":
        return PRESENT_GO[person], f"{clitic} {verb.infinitive}"
    if tense in MODALS:
        return MODALS[tense][person], f"{clitic} {verb.infinitive}"
    return f"{clitic} {verb.present[person]}", "souvent" if tense == "habit" else ""


def negate(conjugated: str) -> str:
    """Put ne … pas around a conjugated word."""
    return f"ne {conjugated} pas"


def clause(
    subject: Phrase,
    verb: str,
    tense: str,
    rest: tuple[str, str] = ("", ""),
    mood: str = "statement",
    clitic: str = "",
    question: tuple[str, str] = ("", "est-ce que"),
) -> Pair:
    """Build a sentence; `mood` is statement, negation, question or who (Who lost the key?).

    `rest` is what follows the verb in each language, `question` the words that open a question.
    """
    auxiliary, after, alone = english_verb(VERBS[verb], tense, subject.person)
    conjugated, follows = french_verb(VERBS[verb], tense, subject, clitic)
    if mood == "negation":
        return sentence(
            f"{subject.english} {negated(auxiliary)} {after} {rest[0]}",
            f"{subject.french} {negate(conjugated)} {follows} {rest[1]}",
        )
    plain = f"{subject.french} {conjugated} {follows} {rest[1]}"
    if mood == "question":
        opening, opening_french = question
        return sentence(
            f"{opening} {auxiliary} {subject.english} {after} {rest[0]}",
            f"{opening_french} {plain}",
            "?",
        )
    return sentence(f"{subject.english} {alone} {rest[0]}", plain, "?" if mood == "who" else ".")


def state(
    subject: Phrase,
    rest: tuple[str, str],
    mood: str = "statement",
    present: tuple[str, ...] = PRESENT_BE,
    question: tuple[str, str] = ("", "est-ce que"),
) -> Pair:
    """Build a sentence with "be"; French uses the verb `present` (être, or avoir: j'ai faim)."""
    is_english, is_french = be(subject.person), present[subject.person]
    if mood == "negation":
        return sentence(
            f"{subject.english} {negated(is_english)} {rest[0]}",
            f"{subject.french} {negate(is_french)} {rest[1]}",
        )
    if mood == "question":
        return sentence(
            f"{question[0]} {is_english} {subject.english} {rest[0]}",
            f"{question[1]} {subject.french} {is_french} {rest[1]}",
            "?",
        )
    return sentence(
        f"{subject.english} {is_english} {rest[0]}", f"{subject.french} {is_french} {rest[1]}"
    )
