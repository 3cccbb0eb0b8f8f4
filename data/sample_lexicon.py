"""The words of the sample corpus, written by hand, and which of them go together.

`sample_grammar.py` makes phrases and clauses of them, `make_sample.py` makes the corpus.
"""

from typing import NamedTuple


class Noun(NamedTuple):
    """An English noun and its French translation, singular and plural, with the French gender."""

    english: str
    english_plural: str
    french: str
    french_plural: str
    feminine: bool


class Adjective(NamedTuple):
    """An adjective: its French forms, and on which side of the noun French puts it."""

    english: str
    masculine: str
    feminine: str
    masculine_plural: str
    feminine_plural: str
    before_noun: bool
    before_vowel: str  # masculine singular before a vowel: un bel arbre


class Verb(NamedTuple):
    """A verb: four English forms, five French persons (je, il, nous, vous, ils) and the rest."""

    base: str
    third: str
    ing: str
    past: str
    present: tuple[str, ...]
    participle: str
    infinitive: str
    with_etre: bool


class Frame(NamedTuple):
    """The tenses that a verb is used in, and the determiners that each of its objects may take."""

    tenses: tuple[str, ...]
    objects: dict[str, tuple[str, ...]]


def _nouns(table: str, feminine: bool) -> dict[str, Noun]:
    """Read lines of `english french` or `english english_plural french french_plural`."""
    found = {}
    for line in table.strip().splitlines():
        words = line.split()
        english, french = words[0], words[-2] if len(words) == 4 else words[1]
        plurals = (words[1], words[3]) if len(words) == 4 else (f"{english}s", f"{french}s")
        found[english] = Noun(english, plurals[0], french, plurals[1], feminine)
    return found


NOUNS = _nouns(
    """
    man men homme hommes
    boy garçon
    child children enfant enfants
    teacher professeur
    doctor médecin
    father père
    brother frère
    friend ami
    cat chat
    dog chien
    bird birds oiseau oiseaux
    horse horses cheval chevaux
    cake cakes gâteau gâteaux
    egg œuf
    fish poisson
    bread pain
    cheese fromage
    milk lait
    coffee café
    book livre
    newspaper newspapers journal journaux
    hat hats chapeau chapeaux
    bike vélo
    tree arbre
    phone téléphone
    umbrella parapluie
    bed lit
    park parc
    market marché
    restaurant restaurant
    hotel hôtel
    hospital hôpital
    garden jardin
    """,
    feminine=False,
) | _nouns(
    """
    woman women femme femmes
    girl fille
    mother mère
    sister sœur
    apple pomme
    soup soupe
    meat viande
    water eau
    letter lettre
    story stories histoire histoires
    key clé
    car voiture
    house maison
    door porte
    window fenêtre
    dress dresses robe robes
    flower fleur
    table table
    kitchen cuisine
    station gare
    church churches église églises
    beach beaches plage plages
    """,
    feminine=True,
)

MASS = ("bread", "cheese", "soup", "meat", "milk", "coffee", "water", "fish")


def _adjectives(table: str, before_noun: bool) -> dict[str, Adjective]:
    """Read lines of `english` and the four French forms, and the one before a vowel if special."""
    found = {}
    for line in table.strip().splitlines():
        english, *forms = line.split()
        ms, fs, mp, fp = forms[:4]
        found[english] = Adjective(english, ms, fs, mp, fp, before_noun, (forms[4:] or [ms])[0])
    return found


ADJECTIVES = _adjectives(
    """
    small petit petite petits petites
    big grand grande grands grandes
    young jeune jeune jeunes jeunes
    old vieux vieille vieux vieilles vieil
    new nouveau nouvelle nouveaux nouvelles nouvel
    beautiful beau belle beaux belles bel
    """,
    before_noun=True,
) | _adjectives(
    """
    red rouge rouge rouges rouges
    black noir noire noirs noires
    white blanc blanche blancs blanches
    interesting intéressant intéressante intéressants intéressantes
    expensive cher chère chers chères
    hot chaud chaude chauds chaudes
    cold froid froide froids froides
    tired fatigué fatiguée fatigués fatiguées
    sick malade malade malades malades
    happy heureux heureuse heureux heureuses
    """,
    before_noun=False,
)

# Which adjectives a noun may take.
QUALITIES = {
    noun: tuple(adjectives.split())
    for noun, adjectives in {
        "man": "old young",
        "woman": "old young",
        "cat": "small black white old",
        "dog": "small big black white old",
        "bird": "small big black white beautiful",
        "horse": "black white old beautiful",
        "apple": "red small",
        "cake": "small",
        "book": "interesting old new",
        "story": "interesting beautiful",
        "hat": "red black white old new",
        "dress": "red black white new beautiful",
        "bike": "red black old new",
        "phone": "new expensive old",
        "umbrella": "red black old new",
        "car": "red black white old new expensive",
        "house": "small big old white beautiful",
        "tree": "small big old beautiful",
        "flower": "red white beautiful",
        "hotel": "small big old new expensive beautiful",
        "restaurant": "small big new expensive",
        "church": "small old beautiful",
        "garden": "small big beautiful",
    }.items()
}

PRESENT_BE = ("suis", "est", "sommes", "êtes", "sont")
PRESENT_HAVE = ("ai", "a", "avons", "avez", "ont")
PRESENT_GO = ("vais", "va", "allons", "allez", "vont")
# English modal -> French present; the main verb follows in the infinitive.
MODALS = {
    "want": ("veux", "veut", "voulons", "voulez", "veulent"),
    "can": ("peux", "peut", "pouvons", "pouvez", "peuvent"),
    "must": ("dois", "doit", "devons", "devez", "doivent"),
}


def _french_verb(present: list[str], rest: list[str]) -> tuple[tuple[str, ...], str, str]:
    """The present, participle and infinitive; a stem alone is a regular verb in -er."""
    if rest:
        return tuple(present), rest[0], rest[1]
    stem = present[0]
    nous = f"{stem}eons" if stem.endswith("g") else f"{stem}ons"
    return (f"{stem}e", f"{stem}e", nous, f"{stem}ez", f"{stem}ent"), f"{stem}é", f"{stem}er"


def _verbs(table: str) -> dict[str, Verb]:
    """Read lines of four English forms | French present, or stem | participle infinitive [être]."""
    found = {}
    for line in table.strip().splitlines():
        english, present, rest = (part.split() for part in f"{line} |".split("|")[:3])
        base, third, ing, past = (word.replace("_", " ") for word in english)
        found[base] = Verb(base, third, ing, past, *_french_verb(present, rest), "être" in rest)
    return found


VERBS = _verbs(
    """
    eat eats eating ate | mang
    drink drinks drinking drank | bois boit buvons buvez boivent | bu boire
    read reads reading read | lis lit lisons lisez lisent | lu lire
    write writes writing wrote | écris écrit écrivons écrivez écrivent | écrit écrire
    look_for looks_for looking_for looked_for | cherch
    buy buys buying bought | achète achète achetons achetez achètent | acheté acheter
    sell sells selling sold | vends vend vendons vendez vendent | vendu vendre
    open opens opening opened | ouvre ouvre ouvrons ouvrez ouvrent | ouvert ouvrir
    close closes closing closed | ferm
    find finds finding found | trouv
    lose loses losing lost | perds perd perdons perdez perdent | perdu perdre
    see sees seeing saw | vois voit voyons voyez voient | vu voir
    help helps helping helped | aid
    give gives giving gave | donn
    know knows knowing knew | connais connaît connaissons connaissez connaissent | connu connaître
    like likes liking liked | aim
    have has having had | ai a avons avez ont | eu avoir
    work works working worked | travaill
    sleep sleeps sleeping slept | dors dort dormons dormez dorment | dormi dormir
    sing sings singing sang | chant
    speak speaks speaking spoke | parl
    live lives living lived | habit
    go goes going went | vais va allons allez vont | allé aller être
    arrive arrives arriving arrived | arrive arrive arrivons arrivez arrivent | arrivé arriver être
    leave leaves leaving left | pars part partons partez partent | parti partir être
    """
)


def _frame(tenses: str, **objects: str) -> Frame:
    """Read the tenses and, for each object, its determiners from words in a string."""
    return Frame(tuple(tenses.split()), {noun: tuple(d.split()) for noun, d in objects.items()})


# Determiners: a, the, this, some; own = the subject's possessive; own-old = the same with "old";
# adjective = a and an adjective; two, three, own-plural and these with the plural.
FRAMES = {
    "eat": _frame(
        "progressive past future want can", apple="a the two", egg="a two", cake="a the this",
        fish="the some", bread="some", cheese="some the", soup="the some", meat="some the",
    ),
    "drink": _frame(
        "progressive past future want can",
        milk="some the", coffee="some the own", water="some the",
    ),
    "read": _frame(
        "progressive past future want must", book="a the this adjective", newspaper="the a",
        letter="the a this", story="a the this adjective",
    ),
    "write": _frame(
        "progressive past future want must", letter="a the this two three", book="a this the",
        story="a this the",
    ),
    "look for": _frame(
        "progressive past", key="own the own-plural", hat="own own-old", phone="own the",
        umbrella="own", book="own a the", cat="own the", dog="own the", hotel="a adjective",
        restaurant="a adjective", house="a adjective",
    ),
    "buy": _frame(
        "past future want can", car="a adjective the this", house="a adjective the this",
        hat="a adjective", dress="a adjective this", bike="a adjective", phone="a adjective this",
        umbrella="a adjective", book="a this two three adjective", flower="some the three",
        newspaper="a the", bread="some", cheese="some", cake="a this two", egg="three some",
    ),
    "sell": _frame(
        "past future want must", car="own own-old the", house="own own-old the",
        bike="own own-old", horse="own own-old the two",
    ),
    "open": _frame("past future can must", door="the this", window="the", letter="the this"),
    "close": _frame("past future can must", door="the this", window="the"),
    "find": _frame(
        "past must", key="own the own-plural", hat="own", phone="own the", umbrella="own the",
        cat="own the", dog="own the", bike="own the", letter="the this", hotel="a adjective",
    ),
    "lose": _frame(
        "past", key="own own-plural the", hat="own own-old", phone="own", umbrella="own own-old",
        book="own this", dog="own",
    ),
    "see": _frame(
        "past want", bird="a adjective two three", horse="a adjective two the", cat="the adjective",
        dog="a adjective the", tree="this", house="the this adjective", church="the adjective",
        man="adjective this", woman="adjective this", car="adjective this the", garden="the",
    ),
    "have": _frame(
        "present", car="a adjective", house="a adjective", cat="a adjective two three",
        dog="a adjective two three", horse="a adjective two", brother="a two three",
        sister="a two three", bike="a adjective", phone="a adjective", umbrella="a adjective",
        garden="a adjective", key="the", hat="adjective",
    ),
}  # fmt: skip
