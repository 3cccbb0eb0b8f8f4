"""A text -> its sentences, and what stands between them; of HTML, the text between the tags."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from html.parser import HTMLParser
from typing import NamedTuple

LINE_BREAK = re.compile("(\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029])")
"""What ends a line, as for `str.splitlines`."""


class Document(NamedTuple):
    """A text, cut.

    Attributes:
        sentences: what is to be translated.
        between: what stays as it is, before each sentence and behind the last one.
        is_html: whether translations are put back as HTML.
    """

    sentences: list[str]
    between: list[str]
    is_html: bool

    def fill(self, translations: Sequence[str]) -> str:
        """Returns the text with a translation in the place of each sentence."""
        if self.is_html:
            translations = [html.escape(each, quote=False) for each in translations]
        filled = zip(self.between, [*translations, ""], strict=True)
        return "".join(kept + translation for kept, translation in filled)


def cut_text(text: str, language: str, *, split: bool = True) -> Document:
    """Cuts a text into sentences.

    What has neither letter nor digit stays, as a line of dashes or an emoji by itself.

    Args:
        text: lines, each of one sentence or several.
        language: of the text, as a BCP 47 tag; what ends a sentence depends on it.
        split: cut lines into sentences; if not, each line is one.
    """
    return make_document(cut_lines(text, language, split), is_html=False)


def cut_html(text: str, language: str, *, split: bool = True) -> Document:
    """Cuts the text between the tags of HTML into sentences.

    Tags, comments, scripts and styles stay where they are, so that the words before and behind an
    inline tag, as ``<b>``, are translated by themselves. Character references of letters, digits
    and punctuation are text, as in ``M&uuml;nchen``; all others, as ``&nbsp;`` and ``&amp;``, stay.
    Else, and in its arguments, it is as `cut_text`.
    """
    parts: list[tuple[str, bool]] = []
    for piece, is_text in split_html(text):
        meant = html.unescape(piece)
        if not is_text or not has_words(meant):
            parts.append((piece, False))
            continue
        for part, is_sentence in cut_lines(meant, language, split):
            parts.append((part if is_sentence else html.escape(part, quote=False), is_sentence))
    return make_document(parts, is_html=True)


def has_words(text: str) -> bool:
    """Whether there is a letter or a digit."""
    return any(map(str.isalnum, text))


def make_document(parts: Iterable[tuple[str, bool]], *, is_html: bool) -> Document:
    """Returns a document of parts, each with whether it is a sentence."""
    sentences: list[str] = []
    between = [""]
    for part, is_sentence in parts:
        if is_sentence:
            sentences.append(part)
            between.append("")
        else:
            between[-1] += part
    return Document(sentences, between, is_html)


def cut_lines(text: str, language: str, split: bool) -> Iterator[tuple[str, bool]]:
    """Yields the parts of a text in their order, each with whether it is a sentence."""
    from sentencex import segment

    primary = language.partition("-")[0].lower()
    for number, line in enumerate(LINE_BREAK.split(text)):
        if number % 2:
            yield line, False
            continue
        for piece in segment(primary if len(primary) > 1 else "en", line) if split else [line]:
            if not has_words(piece):
                yield piece, False
                continue
            core = piece.strip()
            before, _, after = piece.partition(core)
            yield from ((before, False), (core, True), (after, False))


def split_html(text: str) -> Iterator[tuple[str, bool]]:
    """Yields HTML piece by piece, each with whether it is text: together they are all of it."""
    unended = re.compile("<[a-zA-Z/!?]").search(text, text.rfind(">") + 1)
    parser = _Texts(text[: unended.start()] if unended else text)
    end = 0
    for start, stop in parser.found:
        yield text[end:start], False
        yield text[start:stop], True
        end = stop
    yield text[end:], False


class _Texts(HTMLParser):
    """Finds where text stands: characters, and references to those that text is made of."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[tuple[int, int]] = []
        self.text = text
        self.lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self.feed(text)
        self.close()

    def handle_data(self, data: str) -> None:
        """See `HTMLParser`; a lone "<", and what stands in scripts and styles, is no text."""
        if self.cdata_elem in (None, "title", "textarea") and "<" not in data:
            self.add(data)

    def handle_entityref(self, name: str) -> None:
        """See `HTMLParser`."""
        self.add_reference(f"&{name}")

    def handle_charref(self, name: str) -> None:
        """See `HTMLParser`."""
        self.add_reference(f"&#{name}")

    def add_reference(self, reference: str) -> None:
        """Adds a character reference if it stands for a letter, a digit or punctuation."""
        meant = html.unescape(f"{reference};")
        if meant not in ("&", "<", ">") and all(
            unicodedata.category(c)[0] in "LMNP" for c in meant
        ):
            self.add(reference)

    def add(self, piece: str) -> None:
        """Adds what stands where the parser is, joined with the piece before if that ends there."""
        line, column = self.getpos()
        start = self.lines[line - 1] + column
        end = start + len(piece)
        if piece[0] == "&" and self.text[end : end + 1] == ";":
            end += 1
        if self.found and self.found[-1][1] == start:
            start = self.found.pop()[0]
        self.found.append((start, end))
