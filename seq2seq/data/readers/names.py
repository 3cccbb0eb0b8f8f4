"""What columns may be called, in every format: source and target in many words, and languages."""

from __future__ import annotations

import re
from collections.abc import Sequence

from seq2seq.errors import DataError

_TEXT_WORDS = {"text", "texts", "txt", "sentence", "sentences", "sent", "segment", "seg", "line"}
"""What may stand in a name beside its role or language, as in "source_text" and "sentence_en"."""

_ROLES = (
    {"source": {"source", "src"}, "target": {"target", "tgt", "trg"}, "text": {"text"}},
    {
        "source": {
            *("input", "original", "question", "prompt", "instruction", "text 1", "text a"),
        },
        "target": {
            *("output", "translation", "translated", "reference", "ref", "answer", "completion"),
            *("response", "pe", "text 2", "text b"),
        },
        "text": set[str](),
    },
)
"""What columns with a role may be called: the usual names, and those that count where they lack."""

_ISO_639_1 = (
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy "
    "da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu "
    "hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb "
    "lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om "
    "or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw "
    "ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu"
)
_ISO_639_3 = (  # of languages with much parallel text; some have two
    "afr amh ara arb arz aze ben bos bul cat ces cze cmn cym dan deu ger ell gre eng epo est eus "
    "fas pes fil fin fra fre gle glg guj hat hau heb hin hrv hun hye ibo ind isl ita jav jpn kan "
    "kat kaz khm kor kur lao lat lav lit mal mar mkd mlt mon msa zsm mya nep nld dut nob nno nor "
    "ory pan pol por pus ron rum rus sin slk slv som spa sqi srp sun swa swh swe tam tat tel tgl "
    "tha tur uig ukr urd uzb vie xho yor yue zho chi zul"
)
_NAMES = (
    "afrikaans albanian amharic arabic armenian azerbaijani basque belarusian bengali bosnian "
    "bulgarian burmese cantonese catalan chinese croatian czech danish dutch english esperanto "
    "estonian farsi filipino finnish french galician georgian german greek gujarati hausa hawaiian "
    "hebrew hindi hungarian icelandic igbo indonesian irish italian japanese javanese kannada "
    "kazakh khmer korean kurdish kyrgyz lao latin latvian lithuanian macedonian malay malayalam "
    "maltese mandarin maori marathi mongolian nepali norwegian pashto persian polish portuguese "
    "punjabi romanian russian sanskrit serbian sinhala slovak slovene slovenian somali spanish "
    "swahili swedish tagalog tamil tatar telugu thai tibetan turkish ukrainian urdu uyghur uzbek "
    "vietnamese welsh xhosa yiddish yoruba zulu"
)
_CODES = frozenset(f"{_ISO_639_1} {_ISO_639_3}".split())
_LANGUAGES = frozenset(_NAMES.split())
_CODE = re.compile(r"([a-z]{2,3})([-_][a-z]{4})?([-_]([a-z]{2}|\d{3}))?")  # pt-BR, eng_Latn


def is_language(name: str) -> bool:
    """Whether a column is called by its language: "en", "en-US", "eng_Latn", "English text"."""
    words = re.split(r"([\s_-]+)", name.strip().casefold())
    rest = [word for word in words[::2] if word not in _TEXT_WORDS]
    if len(rest) < len(words[::2]):
        words = ["-".join(rest)]
    name = re.sub(r"\s*\(.*\)$", "", "".join(words))
    code = _CODE.fullmatch(name)
    return name in _LANGUAGES or (code is not None and code[1] in _CODES)


def is_text_word(name: str) -> bool:
    """Whether a column is called "text", "Sentence" or the like, without role or language."""
    return name.strip().casefold() in _TEXT_WORDS


def find_role(name: str, *, strict: bool = False) -> str:
    """Returns the role that the name of a column says, in any case and spelling; "" if none.

    `strict` leaves "source", "target" and "text", with their short forms.
    """
    spaced = re.sub(
        r"(?<=[a-z])(?=[A-Z])|(?<=[^\W\d])(?=\d)|(?<=\w)[\s_./:-]+(?=\w)", " ", name.strip()
    )
    words = spaced.casefold().split()
    core = [word for word in words if word not in _TEXT_WORDS]
    if len(core) < len(words) and core in (["1"], ["2"], ["a"], ["b"]):
        core = ["text", *core]
    said = " ".join(core or words)
    for roles in _ROLES[: 1 if strict else None]:
        for role, names in roles.items():
            if said in names:
                return role
    return ""


def columns_by_role(
    roles: Sequence[str], names: Sequence[str], where: str
) -> tuple[int, ...] | None:
    """Returns the numbers of the columns that are called by their roles; None if not all are.

    Raises:
        DataError: two columns may have the same role.
    """
    for strict in (True, False):
        said = [find_role(name, strict=strict) for name in names]
        if not set(roles) <= set(said):
            continue
        for role in roles:
            if said.count(role) > 1:
                twice = " and ".join(repr(n) for n, r in zip(names, said, strict=True) if r == role)
                raise DataError(
                    f"{where}: both {twice} may be the {role} column; name or number it"
                )
        return tuple(said.index(role) for role in roles)
    return None


def columns_by_one_role(roles: Sequence[str], names: Sequence[str]) -> tuple[int, ...] | None:
    """Returns the order of two columns of which one is called by its role, and the other is not."""
    said = [find_role(name) for name in names]
    places = [place for place, role in enumerate(said) if role in roles]
    if len(roles) != 2 or len(names) != 2 or len(places) != 1:
        return None
    (place,) = places
    return (place, 1 - place) if said[place] == roles[0] else (1 - place, place)
