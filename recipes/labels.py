"""Labels for text, in three ways of reading it: at each token, at the last state, around a gap.

    python recipes/labels.py                            # all of it, in one direction and in two
    python recipes/labels.py --read each --train my-train.tsv --test my-test.tsv

An encoder reads the tokens, and a linear layer gives the labels of a state:

each: of the state at each token. Slot filling (arrive in or leave Taipei), and key terms.
last: of the final states, one label for the text (many-to-one). Sentiment.
gap: of the state before a gap, forwards, and the state after it, backwards. The missing word.

Without files, texts come from small grammars. In half of them the clue to a label stands after it,
as in "Taipei is the city we leave from": a network that reads from left to right has not seen it
yet and guesses, one of two labels or of six missing words; one that reads in both directions
(Schuster & Paliwal 1997) knows. A final state has read everything: for `last`, one is enough.

A file has a line for each text: its tokens with spaces between them, a tab, and for `each` as many
labels as tokens, with spaces between them; for `last` one label; for `gap` the missing word, and in
the text ___ in its place.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Literal, NamedTuple

import torch

import seq2seq

GAP = "___"
EMBEDDING, HIDDEN = 32, 32  # the state's width is that of each direction
TEXTS, TESTED = 2500, 400  # texts that a grammar makes, and how many of them are for the test


@dataclass(frozen=True)
class Labels:
    """Label texts with an encoder that reads in one direction, and with one that reads in two."""

    read: Literal["all", "each", "last", "gap"] = "all"
    """each: a label for each token. last: one for the text. gap: the word missing at ___."""
    train: str = ""
    """Texts to learn from, a line each: tokens, a tab, labels. Without it, grammars make them."""
    test: str = ""
    """Texts to test on, in the same form."""
    bidirectional: bool = True
    """Train the encoder of two directions, too."""
    epochs: seq2seq.PositiveInt = 6
    """Passes over the texts to learn from."""
    seed: seq2seq.NonNegativeInt = 1
    """Of the grammars' texts, and of the weights."""
    plot: str = "runs/labels.png"
    """Where to draw: a file .png, .pdf or .svg, whose folder is made."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        if bool(self.train) != bool(self.test):
            yield "--train FILE and --test FILE go together: give both"
        if self.train and self.read == "all":
            yield "--train FILE needs --read each, last or gap, which says what its labels are"


class Example(NamedTuple):
    """A text with its labels: one for each token (each), or just one (last, gap)."""

    tokens: list[str]
    labels: list[str]
    clue: str = ""  # whether it stands "before" or "after" the label, if that is known


class Task(NamedTuple):
    """What is to be learnt; `read` says from which states."""

    name: str
    read: str
    training: list[Example]
    test: list[Example]


WORDS = {  # what can stand for a word in capitals
    "CITY": ["Taipei", "Tainan", "Hualien", "Keelung", "Paris", "Lima", "New York", "Cape Town"],
    "MONTH": ["March", "April", "May", "June", "July", "October", "November"],
    "DAY": [str(day) for day in range(1, 29)],
    "WHO": ["we", "Emma and I", "my friends", "both of us", "they", "many people", "all of you"],
    "TERM": ["beam search", "attention", "recurrent networks", "dropout", "word order", "parsing"],
    "PAPER": ["paper", "thesis", "talk", "chapter", "lecture", "article", "book", "report"],
    "THING": ["film", "plot", "music", "cast", "end", "camera", "story", "dialogue"],
    "GOOD": ["good", "great", "brilliant", "moving", "funny"],
    "BAD": ["bad", "dull", "awful", "boring", "weak"],
    "WHEN": ["today", "tomorrow", "at noon", "this evening", "every day", "sometimes", "on Sunday"],
}

MOVES = (("leave from", "departure"), ("arrive in", "destination"))
CHOICES = (("study", "in"), ("leave out", "out"))
OPPOSITES = (("GOOD", "BAD", "positive"), ("BAD", "GOOD", "negative"))
TOOLS = {"open the door": "key", "cut the bread": "knife", "write a letter": "pen"}
TOOLS |= {"drink some tea": "cup", "reach the roof": "ladder", "sweep the floor": "broom"}
GRAMMARS = {
    "slots": {
        "before": [f"WHO {go} CITY/{slot} on MONTH/time DAY/time" for go, slot in MOVES],
        "after": [f"CITY/{slot} is the city WHO {go} on MONTH/time DAY/time" for go, slot in MOVES],
    },
    "key terms": {
        "before": [f"WHEN WHO {do} TERM/{label} in this PAPER" for do, label in CHOICES],
        "after": [f"TERM/{label} is what WHO {do} in this PAPER WHEN" for do, label in CHOICES],
    },
    "sentiment": {
        "": [f"WHEN WHO say the THING was {good}\t{label}" for good, _, label in OPPOSITES]
        + [f"WHEN WHO say the THING was not {bad}\t{label}" for _, bad, label in OPPOSITES]
        + [f"the THING was {bad} but the THING {good}\t{label}" for good, bad, label in OPPOSITES]
    },
    "missing words": {
        "before": [f"to {use} WHO need a ___ in CITY WHEN\t{tool}" for use, tool in TOOLS.items()],
        "after": [f"in CITY WHO need a ___ to {use} WHEN\t{tool}" for use, tool in TOOLS.items()],
    },
}
"""Texts of each task, by where the clue stands. The label of a token stands after a slash, that of
a text after a tab."""
READ = {"slots": "each", "key terms": "each", "sentiment": "last", "missing words": "gap"}
OTHER = {"slots": "O", "key terms": "out"}  # the label of a token without a slash


def draw(name: str, generator: random.Random) -> Example:
    """Makes a text for a task."""
    clue = generator.choice([*GRAMMARS[name]])
    template, _, text_label = generator.choice(GRAMMARS[name][clue]).partition("\t")
    tokens, labels = [], []
    for item in template.split():
        word, _, label = item.partition("/")
        chosen = generator.choice(WORDS.get(word, [word])).split()
        tokens += chosen
        labels += [label or OTHER.get(name, "")] * len(chosen)
    return Example(tokens, [text_label] if text_label else labels, clue)


def make_task(name: str, seed: int) -> Task:
    """Makes texts for a task, all of them different."""
    generator = random.Random(f"{name} {seed}")
    found: dict[str, Example] = {}
    while len(found) < TEXTS:
        example = draw(name, generator)
        found[" ".join(example.tokens)] = example
    examples = [*found.values()]
    return Task(name, READ[name], examples[TESTED:], examples[:TESTED])


def read_examples(path: str, read: str) -> list[Example]:
    """Reads texts with their labels; raises DataError, naming the line, for what is none."""
    examples = []
    for number, line in enumerate(seq2seq.read_lines(path), start=1):
        text, _, labels = line.partition("\t")
        example = Example(text.split(), labels.split())
        if problem := find_problem(example, read):
            raise seq2seq.DataError(f"{path}:{number}: {problem}")
        examples.append(example)
    if len(examples) < 2:
        raise seq2seq.DataError(f"{path} has {len(examples)} lines: give two texts or more")
    return examples


def find_problem(example: Example, read: str) -> str:
    """Returns what is wrong about a line of a file, or ""."""
    tokens, labels = len(example.tokens), len(example.labels)
    if not tokens or not labels:
        return "a line must be a text, a tab, and its labels"
    wanted = tokens if read == "each" else 1
    if labels != wanted:
        return f"{tokens} tokens and {labels} labels: --read {read} needs {wanted}"
    if read == "gap" and example.tokens.count(GAP) != 1:
        return f"--read gap needs one {GAP} in the text, where the word is missing"
    return ""


class Labeller(torch.nn.Module):
    """An encoder and a linear layer; `labels` are what it can predict, `read` says from where."""

    def __init__(
        self, words: seq2seq.Vocab, labels: Sequence[str], read: str, *, bidirectional: bool
    ) -> None:
        super().__init__()
        self.words, self.labels, self.read = words, labels, read
        # One layer: a second one would read outputs of both directions, so that its forward state
        # before a gap would know what stands after it.
        stack = seq2seq.EncoderStack("gru", EMBEDDING, (HIDDEN,), bidirectional=bidirectional)
        self.encoder = seq2seq.Encoder(seq2seq.LearnedEmbedding(len(words), EMBEDDING), stack)
        self.output = torch.nn.Linear(stack.output_size, len(labels))

    def forward(self, examples: Sequence[Example]) -> torch.Tensor:
        """Returns logits ``(items, labels)``; items are all tokens (each), or else the texts."""
        ids = [torch.tensor(self.words.ids(example.tokens)) for example in examples]
        lengths = torch.tensor([len(row) for row in ids])
        encoded = self.encoder(torch.nn.utils.rnn.pad_sequence(ids, batch_first=True), lengths)
        if self.read == "each":
            rows = zip(encoded.memory, lengths.tolist(), strict=True)
            states = torch.cat([row[:length] for row, length in rows])  # (tokens, output_size)
        elif self.read == "last":
            states = encoded.context.layers[-1][0]  # (batch_size, output_size)
        else:
            gaps = [example.tokens.index(GAP) for example in examples]
            # A zero state before the first token and after the last; position i is then at i + 1.
            rows = zip(torch.nn.functional.pad(encoded.memory, (0, 0, 1, 1)), gaps, strict=True)
            around = [torch.cat([row[gap, :HIDDEN], row[gap + 2, HIDDEN:]]) for row, gap in rows]
            states = torch.stack(around)  # (batch_size, output_size)
        logits: torch.Tensor = self.output(states)
        return logits

    def loss(self, examples: Sequence[Example]) -> torch.Tensor:
        """Returns the cross-entropy of each item, ``(items,)``."""
        targets = [self.labels.index(label) for example in examples for label in example.labels]
        return torch.nn.functional.cross_entropy(
            self(examples), torch.tensor(targets), reduction="none"
        )

    @torch.inference_mode()
    def predict(self, examples: Sequence[Example]) -> list[list[str]]:
        """Returns the most probable label of each item, by text."""
        return [[self.labels[best] for best in self([x]).argmax(dim=1)] for x in examples]


def train(task: Task, settings: Labels, *, bidirectional: bool) -> Labeller:
    """Trains a network for a task; a tenth of the texts is held out to find the best weights."""
    torch.manual_seed(settings.seed)
    shuffled = random.Random(settings.seed).sample(task.training, len(task.training))
    held_out = max(1, len(shuffled) // 10)
    words = seq2seq.Vocab.build([example.tokens for example in shuffled[held_out:]])
    labels = sorted({label for example in shuffled for label in example.labels})
    network = Labeller(words, labels, task.read, bidirectional=bidirectional)
    ways = "two directions" if bidirectional else "one direction"
    seq2seq.log_line(f"{task.name}, read in {ways}")
    seq2seq.fit(
        network,
        shuffled[held_out:],
        shuffled[:held_out],
        network.loss,
        seq2seq.TrainingSettings(
            epochs=settings.epochs,
            batch_tokens=512,
            learning_rate=1e-2,
            warmup_steps=20,
            precision="float32",
            threads=1,
        ),
        length=lambda example: len(example.tokens),
        seed=settings.seed,
    )
    return network


def score(task: Task, predicted: Sequence[Sequence[str]]) -> dict[str, float]:
    """Returns in percent how many texts of the test have no mistake, and F1 by label (each)."""
    texts = [*zip(task.test, predicted, strict=True)]
    found = {"texts without a mistake": 100 * fmean(x.labels == labels for x, labels in texts)}
    for clue in sorted({example.clue for example in task.test} - {""}, reverse=True):
        right = [example.labels == labels for example, labels in texts if example.clue == clue]
        found[f"clue {clue} the label"] = 100 * fmean(right)
    if task.read == "each":
        pairs = [pair for x, labels in texts for pair in zip(x.labels, labels, strict=True)]
        found |= {f"F1 of {label}": f1(pairs, label) for label in sorted({x for x, _ in pairs})}
    return found


def f1(pairs: Sequence[tuple[str, str]], label: str) -> float:
    """Returns a label's F1 over tokens, given as true and predicted labels, in percent."""
    both = sum(pair == (label, label) for pair in pairs)
    return 200 * both / sum((true == label) + (guess == label) for true, guess in pairs)


def show(task: Task, predicted: dict[str, list[list[str]]]) -> dict[str, dict[str, float]]:
    """Prints a task's scores and some texts; returns the scores of each network."""
    scores = {name: score(task, each) for name, each in predicted.items()}
    print(f"\n{task.name} (--read {task.read}): right of {len(task.test)} new texts, in percent")
    width = max(map(len, scores["one direction"]))
    print(f"  {'':{width}}" + "".join(f"{name:>16}" for name in scores))
    for row in scores["one direction"]:
        print(f"  {row:{width}}" + "".join(f"{column[row]:16.1f}" for column in scores.values()))
    for clue in dict.fromkeys(example.clue for example in task.test):
        places = [place for place, example in enumerate(task.test) if example.clue == clue]
        # The first text that is labelled differently, if there is one.
        index = max(places, key=lambda place: len({str(x[place]) for x in predicted.values()}))
        tokens, labels, _ = task.test[index]
        print(f"    {'right':16}{with_labels(tokens, labels)}")
        for name, each in predicted.items():
            print(f"    {name:16}{with_labels(tokens, each[index])}")
    return scores


def with_labels(tokens: Sequence[str], labels: Sequence[str]) -> str:
    """Writes a text with its label; or tokens with theirs, but for those of other tokens."""
    if len(labels) != len(tokens):
        return f"{' '.join(tokens)} -> {labels[0]}"
    pairs = zip(tokens, labels, strict=True)
    return " ".join(word if tag in OTHER.values() else f"{word}/{tag}" for word, tag in pairs)


def draw_scores(scores: dict[str, dict[str, float]]) -> Any:
    """Draws each network's scores as bars."""
    rows, families = seq2seq.displayable(scores["one direction"])
    figure = seq2seq.new_figure(figsize=(8, 1.6 + 0.36 * len(rows)), layout="constrained")
    axes, height = figure.subplots(), 0.8 / len(scores)
    for number, (name, column) in enumerate(scores.items()):
        places = [row + (number - len(scores) / 2 + 0.5) * height for row in range(len(rows))]
        bars = axes.barh(places, column.values(), height, label=name)
        axes.bar_label(bars, fmt="%.0f", padding=2, fontsize=8)
    axes.set_yticks(range(len(rows)), rows, fontfamily=families, parse_math=False)
    axes.invert_yaxis()
    axes.set_xlim(0, 108)
    axes.set_xlabel("right, or F1, in percent")
    axes.margins(y=0.01)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=len(scores))
    figure.suptitle("labels of new texts, read in one direction and in two")
    return figure


def main() -> None:
    """Trains for each task in one direction and in two, prints what is right, and draws it."""
    settings = seq2seq.parse_command(Labels, sys.argv[1:], "python recipes/labels.py")
    seq2seq.make_figure_folder(settings.plot)
    if settings.train:
        training, test = (read_examples(x, settings.read) for x in (settings.train, settings.test))
        tasks = [Task(Path(settings.test).name, settings.read, training, test)]
    else:
        names = [name for name, read in READ.items() if settings.read in ("all", read)]
        tasks = [make_task(name, settings.seed) for name in names]
    directions = {"one direction": False, "two directions": True}
    if not settings.bidirectional:
        del directions["two directions"]
    drawn: dict[str, dict[str, float]] = {name: {} for name in directions}
    for task in tasks:
        networks = {x: train(task, settings, bidirectional=y) for x, y in directions.items()}
        scores = show(task, {name: each.predict(task.test) for name, each in networks.items()})
        for name, column in scores.items():
            drawn[name] |= {f"{task.name}: {row}": value for row, value in column.items()}
    seq2seq.save_figure(draw_scores(drawn), settings.plot)
    if not settings.train and settings.read != "last":
        print("\nWhere the clue comes after the label, one direction can only guess.")
    print(f"picture: {settings.plot}")


if __name__ == "__main__":
    seq2seq.run_command(main)
