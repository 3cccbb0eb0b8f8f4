"""A model card: what there is to say of a model, in Markdown, with the front matter of the Hub.

Its form is that of Mitchell et al. (2019), in short: what a model is, how it is used, what it was
trained on, how good it is and by what measure, and its limits. Nothing in it is of the machine that
trained it. What is not known is said to be not stated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from seq2seq.config.about import AboutSettings
from seq2seq.config.decoding import DecodingSettings
from seq2seq.config.experiment import Experiment
from seq2seq.config.language_tags import language_name
from seq2seq.data.readers.hub import is_hub_name
from seq2seq.export.directory import Export
from seq2seq.runs.run import Run

UNSTATED = "not stated"
_UNSAID = ("", "und")
"""What a language is where it is not said."""


class CardScore(NamedTuple):
    """A score of a text.

    Attributes:
        text: what the text is called.
        metric: its key in `METRICS`.
        title: the metric's name in tables.
        score: the number.
        signature: sacreBLEU's.
    """

    text: str
    metric: str
    title: str
    score: float
    signature: str


class Card(NamedTuple):
    """What a card says.

    Attributes:
        about: languages, author, data and its licence.
        licence: of the model itself; "" if it is not stated.
        repository: its name on the Hub; "" if it has none yet.
        kind: what it is, in a few words.
        version: of seq2seq that made it.
        settings: rows of a table.
        scores: by text and metric.
        longest: source tokens after which a sentence is cut.
        exported: whether it is an export, which needs no torch.
        doubts: reasons not to believe the scores.
    """

    about: AboutSettings
    licence: str
    repository: str
    kind: str
    version: str
    settings: Sequence[tuple[str, str]]
    scores: Sequence[CardScore]
    longest: int
    exported: bool
    doubts: Sequence[str] = ()

    @property
    def languages(self) -> list[str]:
        """The tags of both languages, where they are said."""
        tags = (self.about.source_language, self.about.target_language)
        return [tag for tag in tags if tag not in _UNSAID]

    @property
    def title(self) -> str:
        """The languages, if both are known."""
        names = [language_name(tag) for tag in self.languages]
        return " to ".join(names) if len(names) == 2 else "A translation model"


def run_settings(run: Run, weights: int) -> list[tuple[str, str]]:
    """Returns the main settings of a run of a translation model, as rows of a table.

    `weights` is how many numbers the model has.
    """
    experiment = run.experiment(Experiment)
    model, data, training = experiment.model, experiment.data, experiment.training
    both = ", both directions" if model.bidirectional else ""
    pairs = run.metadata["text"].get("train", {}).get("lines")
    kinds = dict.fromkeys(data.tokenizers)
    sizes = [f"{len(pipeline.vocab):,}" for pipeline in run.pipelines()]
    return [
        ("cell", model.cell),
        ("encoder layers", f"{' + '.join(map(str, model.encoder_sizes))}{both}"),
        ("decoder layers", " + ".join(map(str, model.decoder_sizes))),
        ("embedding", str(model.embedding_size)),
        ("attention", model.attention),
        ("weights", f"{weights:,}"),
        ("tokens", f"{' and '.join(kinds)}; {sizes[0]} source, {sizes[1]} target"),
        ("training pairs", f"{pairs:,}" if isinstance(pairs, int) else UNSTATED),
        ("optimizer", f"{training.optimizer}, learning rate {training.learning_rate:g}"),
        *search_rows(experiment.decoding),
    ]


def export_settings(export: Export) -> list[tuple[str, str]]:
    """Returns what an export says of its settings, as rows of a table."""
    sizes = [f"{len(pipeline.vocab):,}" for pipeline in export.pipelines()]
    return [
        ("form", "ONNX"),
        ("weights", str(export.metadata.get("weights", UNSTATED))),
        ("tokens", f"{sizes[0]} source, {sizes[1]} target"),
        *search_rows(export.known.decoding),
    ]


def search_rows(decoding: DecodingSettings) -> Iterator[tuple[str, str]]:
    """Yields how translations are searched for."""
    beam = f"beam {decoding.beam_size}, length penalty {decoding.length_penalty:g}"
    yield "search", beam if decoding.method == "beam" else decoding.method


def render(card: Card) -> str:
    """Returns the Markdown of a card."""
    parts = [
        f"---\n{front_matter(card)}\n---",
        f"# {plain(card.title)}",
        f"{card.kind}, made with seq2seq {card.version}.",
        table(about_rows(card)),
        "## How to use it",
        usage(card),
        "## How good it is",
        score_table(card.scores),
        *(f"Warning: {plain(doubt)}." for doubt in card.doubts),
        "## Settings",
        table(card.settings),
        "## Limits",
        limits(card),
    ]
    return "\n\n".join(parts) + "\n"


def front_matter(card: Card) -> str:
    """Returns what the Hub reads of a card, in YAML."""
    from huggingface_hub import EvalResult, ModelCardData

    data = card.about.data
    licence = card.licence.lower()
    known = re.fullmatch(r"[a-z0-9.-]*", licence)
    results = [
        EvalResult(
            task_type="translation",
            dataset_type=re.sub(r"\W+", "-", each.text.lower()),
            dataset_name=each.text,
            metric_type=each.metric,
            metric_name=each.title,
            metric_value=round(each.score, 2),
            metric_args={"signature": each.signature},
        )
        for each in card.scores
    ]
    matter = ModelCardData(
        # The Hub knows languages, and not their varieties.
        language=[*dict.fromkeys(tag.partition("-")[0].lower() for tag in card.languages)] or None,
        license=(licence or None) if known else "other",
        license_name=None if known else card.licence,
        library_name="seq2seq",
        pipeline_tag="translation",
        tags=["translation", "seq2seq", "rnn", *(["onnx"] if card.exported else [])],
        datasets=[data.partition(":")[0]] if is_hub_name(data) else None,
        metrics=[*dict.fromkeys(each.metric for each in card.scores)] or None,
        model_name=(card.repository.partition("/")[2] or card.title) if results else None,
        eval_results=results or None,
    )
    return str(matter.to_yaml())


def about_rows(card: Card) -> Iterator[tuple[str, str]]:
    """Yields what is said of a model, and what is not."""
    about = card.about
    for side, tag in (("from", about.source_language), ("into", about.target_language)):
        yield side, UNSTATED if tag in _UNSAID else language_name(tag)
    yield "author", about.author or UNSTATED
    yield "trained on", about.data or UNSTATED
    yield "licence of that text", about.licence or UNSTATED
    yield "licence of the model", card.licence or UNSTATED


def usage(card: Card) -> str:
    """Returns how to use a model, from Python and on the command line."""
    location = f"hf://{card.repository or 'user/name'}"
    needed = (
        "`pip install numpy sentencepiece onnxruntime tyro filelock lazy_loader huggingface_hub` "
        "and `pip install --no-deps .`"
        if card.exported
        else "`pip install .`"
    )
    more = (
        ""
        if card.exported
        else f"seq2seq export {location} --out translator.html # a page that translates offline\n"
    )
    return f"""Needed are Python and {needed} in a clone of the
seq2seq project: on the package index, another project has the name.

```python
from seq2seq import Translator

translator = Translator.load("{location}")
translator.translate(["A sentence.", "Another one."])
```

```bash
seq2seq translate {location} < input.txt > output.txt
{more}```

Loading it runs no code of its own: weights are safetensors or checked ONNX, all else is JSON and
SentencePiece. After @ may stand a revision, as `{location}@main`."""


def score_table(scores: Sequence[CardScore]) -> str:
    """Returns a table of scores, or that there are none."""
    if not scores:
        return "Scores: not stated."
    rows = [[each.text, each.title, f"{each.score:.2f}", f"`{each.signature}`"] for each in scores]
    lines = [["text", "metric", "score", "signature"], ["---", "---", "---:", "---"], *rows]
    return "\n".join(f"| {' | '.join(map(cell, line))} |" for line in lines)


def table(rows: Iterator[tuple[str, str]] | Sequence[tuple[str, str]]) -> str:
    """Returns a table of two columns, without a head."""
    lines = ["| | |", "|---|---|", *(f"| {cell(name)} | {cell(value)} |" for name, value in rows)]
    return "\n".join(lines)


def limits(card: Card) -> str:
    """Returns what a user has to know of every such model."""
    return (
        "A line is a sentence: each is translated by itself, without the ones around it, and cut "
        f"after {card.longest:,} source tokens. The model knows the kind of text that it was "
        "trained on; of other text, and of rare names and numbers, it makes mistakes that may read "
        "fluently: it leaves out, repeats and invents. Whatever matters must be checked by "
        "somebody who knows both languages."
    )


def plain(text: str) -> str:
    """Returns text in which nothing is a tag."""
    return text.replace("<", "&lt;")


def cell(text: str) -> str:
    """Returns text for a cell of a table."""
    return plain(text).replace("|", "\\|") if not text.startswith("`") else text.replace("|", "\\|")


def describe(settings: Mapping[str, str]) -> str:
    """Returns what a model is, in a few words, from the rows of its settings."""
    if "cell" not in settings:
        return "A recurrent encoder and decoder, exported to ONNX"
    name = {"lstm": "LSTM", "gru": "GRU", "elman": "Elman", "sru": "SRU"}.get(
        settings["cell"], settings["cell"]
    )
    attention = settings["attention"].replace("-", " ")
    looks = "without attention" if attention == "none" else f"with {attention} attention"
    return f"A recurrent encoder and decoder ({name}) {looks}"
