"""Texts are cut into sentences and put together again; of HTML, tags never move."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.serving.sentences import LINE_BREAK, cut_html, cut_text

LANGUAGES = st.sampled_from(["en", "de", "ja", "ar", "pt-BR", "hsb", "x-own", "und"])
TEXT = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from(" .!?…。\n\r\t\v\u2028\u00a0\x85\"'()«»012abAB"),
    )
)
MARKUP = [
    *("<p>", "</p>", "<b class='a b'>", "</b>", "<br/>", "<!-- a. B -->", "<script>a < b</script>"),
    *(
        "<style>p > a {}</style>",
        "&nbsp;",
        "&amp;",
        "&lt;b&gt;",
        "&uuml;",
        "&#233;",
        "&#x27;",
        "&x;",
    ),
    *(
        '<a title="a > b.">',
        "</a>",
        "<!DOCTYPE html>",
        "<?php a ?>",
        "<",
        ">",
        "&",
        "<b",
        "</",
        "\n",
    ),
    *(
        "A dog. ",
        "Two cats! ",
        " 12 ",
        "—",
        "É",
        ". ",
        "<title>A.</title>",
        "<textarea>",
        "<![CDATA[",
    ),
]


class Markup(HTMLParser):
    """All of a page but its text, as another reader sees it."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[object] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, attrs, self.get_starttag_text()))

    def handle_endtag(self, tag: str) -> None:
        self.found.append(tag)

    def handle_data(self, data: str) -> None:
        if self.cdata_elem in ("script", "style"):
            self.found.append(data)

    def handle_comment(self, data: str) -> None:
        self.found.append(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


@given(TEXT, LANGUAGES, st.booleans())
def test_a_text_is_its_sentences_and_what_stands_between(text: str, code: str, split: bool) -> None:
    document = cut_text(text, code, split=split)
    assert document.fill(document.sentences) == text
    for sentence in document.sentences:
        assert sentence == sentence.strip() != ""
        assert not LINE_BREAK.search(sentence)
        assert any(map(str.isalnum, sentence))
    assert not any(map(str.isalnum, "".join(document.between)))


@given(st.lists(st.sampled_from(MARKUP)).map("".join))
def test_tags_never_move(text: str) -> None:
    document = cut_html(text, "en")
    for translations in (document.sentences, ["<i>&amp;</i> <!-- \" '"] * len(document.sentences)):
        filled = document.fill(translations)
        assert Markup(filled).found == Markup(text).found


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", []),
        (" \n", []),
        (
            "Dr. Smith is here.  He\tsleeps!\r\n\r\nWho? ",
            ["Dr. Smith is here.", "He\tsleeps!", "Who?"],
        ),
        ("one line\nanother line", ["one line", "another line"]),
        ("...", []),
        ("— A dog. 😀🎉\n------\n🐕 A cat.", ["— A dog.", "🐕 A cat."]),
    ],
)
def test_sentences(text: str, sentences: list[str]) -> None:
    assert cut_text(text, "en").sentences == sentences


def test_a_line_can_be_a_sentence() -> None:
    assert cut_text("A dog. A cat.\n B. ", "en", split=False).sentences == ["A dog. A cat.", "B."]


@pytest.mark.parametrize(
    ("text", "sentences", "filled"),
    [
        ("<p class='a'>Hi &amp; bye.</p>", ["Hi", "bye."], "<p class='a'>1 &amp; 2</p>"),
        ("M&uuml;nchen&nbsp;ist gro&#223;.", ["München", "ist groß."], "1&nbsp;2"),
        ("I <b>love</b> you. Yes!", ["I", "love", "you.", "Yes!"], "1 <b>2</b> 3 4"),
        ("It&#x27;s AT&T. <!-- A. --> — &mdash;", ["It's AT&T."], "1 <!-- A. --> — &mdash;"),
        (
            "<script>if (a < b) c();</script>1 < 2 <i",
            ["1", "2"],
            "<script>if (a < b) c();</script>1 < 2 <i",
        ),
        ("<style>a</style><title>A B</title>", ["A B"], "<style>a</style><title>1</title>"),
        ("A <b title='Hund'", ["A"], "1 <b title='Hund'"),
        ("A <b <b Hund", ["A"], "1 <b <b Hund"),
    ],
)
def test_sentences_of_html(text: str, sentences: list[str], filled: str) -> None:
    document = cut_html(text, "en")
    assert document.sentences == sentences
    assert document.fill([str(number + 1) for number in range(len(sentences))]) == filled
