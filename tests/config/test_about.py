"""What is said of a model: language tags have the form of BCP 47, all else is a line of text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.config.about import AboutSettings
from seq2seq.config.experiment import Experiment
from seq2seq.config.language_tags import is_well_formed, language_tag
from seq2seq.errors import SettingsError

RFC_5646 = (  # the examples of its appendix A, but for the grandfathered
    "de fr ja zh-Hant zh-Hans sr-Cyrl sr-Latn zh-cmn-Hans-CN cmn-Hans-CN zh-yue-HK yue-HK "
    "zh-Hans-CN sr-Latn-RS sl-rozaj sl-rozaj-biske sl-nedis de-CH-1901 sl-IT-nedis "
    "hy-Latn-IT-arevela de-DE en-US es-419 de-CH-x-phonebk az-Arab-x-AZE-derbend x-whatever "
    "qaa-Qaaa-QM-x-southern de-Qaaa sr-Latn-QM sr-Qaaa-RS en-US-u-islamcal zh-CN-a-myext-x-private "
    "en-a-myext-b-another"
)


@pytest.mark.parametrize("tag", [*RFC_5646.split(), "EN", "pt-br", "und", "mis", "quy"])
def test_tags_are_taken(tag: str) -> None:
    about = AboutSettings(source_language=tag, target_language=tag)
    assert Experiment(about=about).about == about


@pytest.mark.parametrize(
    ("tag", "hint"),
    [
        ("German", ": did you mean de?"),
        ("de_DE", ": did you mean de-DE?"),
        ("zho_Hans", ": did you mean zh-Hans?"),
        ("ſr", ": did you mean sr?"),
        *((tag, ", as en, pt-BR or zh-Hant") for tag in ("de-419-DE", "a-DE", "x", "de-", " de")),
        *((tag, ", as en, pt-BR or zh-Hant") for tag in ("e\u0661", "Klingon", "de,en")),
    ],
)
def test_other_words_are_refused_by_name(tag: str, hint: str) -> None:
    for side in ("source", "target"):
        with pytest.raises(SettingsError) as caught:
            Experiment(about=AboutSettings(**{f"{side}_language": tag}))
        said = f"--about.{side}-language {tag!r} is no language tag of BCP 47{hint}"
        assert str(caught.value) == said


@pytest.mark.parametrize("text", ["a\nb", "\x1b[31m", "a\u2028b", "\udc80", "a" * 1001])
def test_the_rest_is_a_line(text: str) -> None:
    for name in ("author", "data", "licence"):
        with pytest.raises(SettingsError, match=rf"^--about\.{name} .* is not one line of text"):
            Experiment(about=AboutSettings(**{name: text}))
    assert Experiment(about=AboutSettings(author="مدرسه\u200cها <b>&amp;</b>")).about.author


@given(st.text() | st.from_regex(r"[a-z]{2,3}[-_][a-zA-Z]{2,4}", fullmatch=True))
def test_what_is_meant_is_a_tag(name: str) -> None:
    assert not (tag := language_tag(name)) or is_well_formed(tag)


def test_one_completes_the_other() -> None:
    said = AboutSettings("pt-BR", author="me")
    known = AboutSettings("pt", "de", data="Tatoeba")
    both = AboutSettings("pt-BR", "de", "me", "Tatoeba")
    assert said.or_else(known) == both
    assert str(both) == "source language pt-BR, target language de, author me, data Tatoeba"
    assert str(AboutSettings()) == ""
