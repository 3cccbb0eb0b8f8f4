"""What is known of a run -> one HTML page: no script, nothing from a network, all text escaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, tostring

from seq2seq.evaluation.breakdown import BreakdownRow
from seq2seq.evaluation.metrics import METRICS
from seq2seq.export.html import read_scripts
from seq2seq.plotting.attention import EOS, MARK_GLYPHS
from seq2seq.report.charts import charts, kind_name
from seq2seq.report.elements import (
    attention_map,
    bar,
    definitions,
    element,
    section,
    table,
    text,
)
from seq2seq.report.scored import ScoredSentence, ScoredText
from seq2seq.training.reporting import format_duration

STYLE = Path(__file__).parent / "style.css"
MAX_SAMPLES = 12
"""So many validations at most have their samples shown, spread evenly."""


@dataclass(frozen=True)
class Report:
    """What a page tells of a run.

    Attributes:
        title: of the page.
        kind: of the model, in words.
        facts: names with what is said of each, by the title of their part of the page.
        settings: name, value and default of each setting that is not as by default.
        hidden: how many more there are, which are free text.
        rows: the lines of metrics.jsonl.
        signature: how BLEU of validations counts words; empty for a language model.
        test: a test text with its scores, if one was given.
        doubts: reasons not to believe the scores.
        sentences: how many of its sentences are shown, of the worst and of the best.
    """

    title: str
    kind: str
    facts: Mapping[str, Sequence[tuple[str, str]]]
    settings: Sequence[tuple[str, str, str]] = ()
    hidden: int = 0
    rows: Sequence[Mapping[str, Any]] = field(default_factory=list)
    signature: str = ""
    test: ScoredText | None = None
    doubts: Sequence[str] = ()
    sentences: int = 10


def page(report: Report) -> str:
    """Returns the HTML of a report."""
    style = read_scripts(("base.css",)) + STYLE.read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", report.title),
        element("style", style),
    )
    quoted = "It quotes sentences of the validation" + (" and test" if report.test else "")
    body = element(
        "body",
        element("header", text("h1", report.title), element("p", report.kind)),
        element("main", *sections(report)),
        element(
            "footer",
            element("p", f"Made with seq2seq. {quoted} text; it needs no network and no script."),
        ),
    )
    return "<!DOCTYPE html>\n" + tostring(
        element("html", head, body, lang="en"), encoding="unicode", method="html"
    )


def sections(report: Report) -> Iterator[Element]:
    """Yields the parts of the page, in their order."""
    if figures := [*key_figures(report)]:
        doubts = [element("p", f"Warning: {doubt}.") for doubt in report.doubts]
        yield section("In short", element("dl", *figures, class_="figures"), *doubts)
    if report.test is not None:
        yield from test_sections(report.test, report.sentences)
    if report.rows:
        yield from training_sections(report)
    shown = (section(title, definitions(rows)) for title, rows in report.facts.items() if rows)
    yield element("div", *shown, class_="sides")
    yield settings_section(report)


def key_figures(report: Report) -> Iterator[Element]:
    """Yields the numbers that one looks for first."""
    figures = {}
    if report.test is not None:
        for name, score in report.test.scores.items():
            figures[f"{METRICS[name].title}, test text"] = f"{score.score:.2f}"
    best = best_row(report.rows)
    if best.get("bleu") is not None:
        figures["BLEU, best validation"] = f"{best['bleu']:.2f}"
    if best.get("perplexity") is not None:
        figures["perplexity, best validation"] = f"{best['perplexity']:.2f}"
    if report.rows:
        figures["training time"] = format_duration(report.rows[-1].get("seconds", 0.0))
        figures["updates"] = f"{report.rows[-1]['step']:,}"
    for name, value in figures.items():
        yield element("div", element("dt", name), element("dd", value))


def best_row(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Returns the line of the validation that chose the weights; nothing if there is none."""
    best = [row for row in rows if row.get("best")]
    return best[-1] if best else {}


def settings_section(report: Report) -> Element:
    """Returns the settings that are not as by default."""
    rows = [(element("code", name), value, default) for name, value, default in report.settings]
    hidden = f"{report.hidden:,} more are free text, such as names of files, and are left out."
    return section(
        "Settings other than the default",
        table(("Setting", "Value", "Default"), rows) if rows else None,
        element("p", hidden, class_="note") if report.hidden else None,
        element("p", "All are as by default.", class_="note")
        if not rows and not report.hidden
        else None,
    )


def training_sections(report: Report) -> Iterator[Element]:
    """Yields the curves of a training, its validations, and what it wrote on the way."""
    drawn = charts(report.rows)
    if drawn:
        yield section("Training", element("div", *drawn, class_="charts"))
    validations = [row for row in report.rows if row["kind"] != "training"]
    names = [
        name
        for name in ("loss", "perplexity", *METRICS)
        if any(row.get(name) is not None for row in validations)
    ]
    if validations:
        cells = [validation_cells(row, names) for row in validations]
        titles = [METRICS[name].title if name in METRICS else name.capitalize() for name in names]
        note = f"BLEU by greedy search: {report.signature}" if report.signature else None
        yield section(
            "Validations",
            table(("Update", "Time", *titles, ""), cells, numbers=range(2 + len(names))),
            element("p", note, class_="note signature") if note else None,
        )
    yield from sample_section(validations)


def validation_cells(row: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """Returns a validation as a row of a table."""
    numbers = ["" if row.get(name) is None else f"{row[name]:.3f}" for name in names]
    remarks = [kind_name("mean")] if row["kind"] == "mean" else []
    if row.get("best"):
        remarks.append("best so far")
    return [
        f"{row['step']:,}",
        format_duration(row.get("seconds", 0.0)),
        *numbers,
        ", ".join(remarks),
    ]


def sample_section(validations: Sequence[Mapping[str, Any]]) -> Iterator[Element]:
    """Yields what the model wrote at its validations, sample by sample."""
    found = [row for row in validations if row["kind"] == "validation" and row.get("samples")]
    if not found:
        return
    last = len(found) - 1
    places = sorted({round(i * last / (MAX_SAMPLES - 1)) for i in range(MAX_SAMPLES)})
    rows = [found[place] for place in places]
    parts = []
    for number, sample in enumerate(rows[-1]["samples"]):
        *given, written = sample
        lines, before = [], None
        for row in rows:
            there = row["samples"][number] if number < len(row["samples"]) else {}
            now = there.get(written, before)
            if now != before:
                lines.append((f"{row['step']:,}", now))
                before = now
        parts.append(element("h3", f"Sample {number + 1}"))
        if given:
            parts.append(definitions([(name, sample[name]) for name in given]))
        parts.append(table(("Update", written.capitalize()), lines, numbers=[0]))
    note = (
        f"Looked at: {len(rows):,} of {len(found):,} validations. What was written at the one "
        "before, too, is not repeated."
    )
    yield section("Samples over time", element("p", note, class_="note"), *parts)


def test_sections(test: ScoredText, count: int) -> Iterator[Element]:
    """Yields a test text's scores, where they come from, and its sentences."""
    scores = (
        (
            f"{score.score:.2f}",
            METRICS[name].title,
            element("span", score.signature, class_="signature"),
        )
        for name, score in test.scores.items()
    )
    words, wanted = (
        sum(getattr(row, name) for row in test.breakdown.lengths)
        for name in ("words", "reference_words")
    )
    counts = (
        f"{len(test.sentences):,} sentences, with {words:,} words in the translations and "
        f"{wanted:,} in the references (of several, those nearest in length)."
    )
    yield section(
        "Test text",
        element("p", counts, class_="note"),
        table(("Score", "Metric", "Signature"), scores, numbers=[0]),
    )
    longest = test.breakdown.longest_ngram
    quarters = (
        f"Each sentence is cut into four quarters, and n-grams up to a length of {longest} count: "
        "compare the quarters with each other, not with BLEU of whole sentences."
    )
    yield section(
        "BLEU by length and by position",
        element("p", "Lengths are in words of the source.", class_="note"),
        breakdown_table("Length", test.breakdown.lengths),
        element("h3", "By position in the sentence"),
        element("p", quarters, class_="note"),
        breakdown_table("Quarter", test.breakdown.quarters),
    )
    half = min(count, len(test.sentences) // 2)
    note = "By sentence chrF, 0 to 100."
    if half:
        yield sentence_section("Worst translations", note, test.sentences[:half])
        yield sentence_section("Best translations", note, test.sentences[: -half - 1 : -1])
    if test.attention:
        yield attention_section(test)


def breakdown_table(title: str, rows: Sequence[BreakdownRow]) -> Element:
    """Returns BLEU of parts of a text, with bars."""
    head = (title, "BLEU", "", "Sentences", "Words", "Reference words")
    cells = (
        (
            row.name,
            f"{row.bleu:.2f}",
            bar(row.bleu / 100),
            f"{row.sentences:,}",
            f"{row.words:,}",
            f"{row.reference_words:,}",
        )
        for row in rows
    )
    return table(head, cells, numbers=(0, 1, 3, 4, 5))


def sentence_section(title: str, note: str, sentences: Sequence[ScoredSentence]) -> Element:
    """Returns sentences with what was made of them."""
    parts = []
    for each in sentences:
        references = [("reference", given, "given") for given in each.references]
        rows = [("source", each.source, "given"), *references]
        rows.append(("translation", each.hypothesis, "main"))
        said = (
            element("div", element("dt", name), text("dd", value, class_=role))
            for name, value, role in rows
        )
        head = f"chrF {each.chrf:.1f}, line {each.number:,}"
        parts.append(
            element(
                "div", element("p", head, class_="note"), element("dl", *said), class_="sentence"
            )
        )
    return section(title, element("p", note, class_="note"), *parts)


def attention_section(test: ScoredText) -> Element:
    """Returns pictures of attention."""
    note = (
        "Above the source's tokens, at the side the translation's; the darker, the more the token "
        "is based on it. The worst, the middle and the best translation of sentences that are "
        "short enough."
    )
    parts = []
    for each in test.attention:
        source, target = (
            [*(token.translate(MARK_GLYPHS) for token in tokens), EOS]
            for tokens in (each.source_tokens, each.tokens)
        )
        picture = attention_map(source, target, each.attention or [])
        parts.append(element("figure", text("figcaption", each.text), picture))
    maps = element("div", *parts, class_="maps")
    return section("Attention", element("p", note, class_="note"), maps)
