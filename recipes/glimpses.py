"""Images as sequences: handwritten digits read glimpse by glimpse, and drawn row by row.

    python recipes/glimpses.py
    python recipes/glimpses.py --glimpse patches --cell lstm

Two shapes of sequence tasks that text has, too. Many-to-one: a recurrent network reads an image as
a sequence of glimpses, rows of pixels or patches, and says which digit it is. One-to-many: a
decoder is given the digit, as the state it starts from, and draws the rows of an image, each from
its state and the row before. (A translation is both, one after the other.)

The images are scikit-learn's digits, 8 × 8 pixels, which come in its package.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
import torch.nn.functional as F

import seq2seq

SIDE = 8
"""Images are so many pixels wide and high."""
PATCH = 4
"""The side of a patch."""
DIGITS = 10
HELD_OUT = 300
"""Images to validate on, and as many to test on."""

LAST, EVERY = "at the end", "at every step"
"""Which states of a reader the digit is learnt from."""

GlimpseName = Literal["rows", "patches"]
Example = tuple[torch.Tensor, torch.Tensor]
"""An image ``(8, 8)``, ink from 0 to 1, and its digit."""


@dataclass(frozen=True)
class Glimpses:
    """Read digits glimpse by glimpse, and draw them row by row."""

    glimpse: GlimpseName = "rows"
    """What is seen at each step: a row of 8 pixels, or a patch of 4 × 4."""
    cell: str = "gru"
    """Of both networks: a name in seq2seq.CELLS, as elman, gru, lstm."""
    size: seq2seq.PositiveInt = 64
    """The width of the state."""
    epochs: seq2seq.PositiveInt = 20
    """Passes over the training images, for each network."""
    seed: seq2seq.NonNegativeInt = 1
    """Of the order of images, and of the weights."""
    plot: str = "runs/glimpses.png"
    """Where to draw: a file .png, .pdf or .svg, whose folder is made."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        if self.cell not in seq2seq.CELLS:
            yield f"--cell {self.cell} is no cell: take one of {', '.join(seq2seq.CELLS)}"


class Digits(NamedTuple):
    """Images with their digits, in three parts that share no image."""

    training: list[Example]
    validation: list[Example]
    test: list[Example]


def read_digits(seed: int) -> Digits:
    """Returns scikit-learn's 1,797 images in a random order, 300 of them to test on.

    Raises:
        SettingsError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise seq2seq.SettingsError(
            'the digits come with scikit-learn: pip install -e ".[digits]", or pip install '
            "scikit-learn"
        ) from error
    found = load_digits()
    images = torch.tensor(found.images, dtype=torch.float32) / 16  # ink was counted from 0 to 16
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    examples = list(zip(images[order], torch.tensor(found.target)[order], strict=True))
    test, validation = examples[:HELD_OUT], examples[HELD_OUT : 2 * HELD_OUT]
    return Digits(examples[2 * HELD_OUT :], validation, test)


def stack_examples(examples: Sequence[Example]) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns images ``(count, 8, 8)`` and their digits ``(count,)``."""
    images, digits = zip(*examples, strict=True)
    return torch.stack(images), torch.stack(digits)


def cut_glimpses(images: torch.Tensor, glimpse: GlimpseName) -> torch.Tensor:
    """Cuts images into what is seen at each step: ``(count, 8, 8)`` -> ``(count, steps, pixels)``.

    Rows are seen from the top to the bottom, patches as text is read.
    """
    if glimpse == "rows":
        return images
    patches = images.unfold(1, PATCH, PATCH).unfold(2, PATCH, PATCH)  # (count, 2, 2, 4, 4)
    return patches.flatten(3).flatten(1, 2)


class Reader(torch.nn.Module):
    """Many-to-one: reads glimpses, and scores the digits from its state."""

    def __init__(self, cell: str, size: int, glimpse: GlimpseName) -> None:
        super().__init__()
        self.glimpse = glimpse
        pixels = cut_glimpses(torch.zeros(1, SIDE, SIDE), glimpse).shape[-1]
        self.stack = seq2seq.RecurrentStack(cell, pixels, (size,))
        self.output = torch.nn.Linear(size, DIGITS)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images ``(batch_size, 8, 8)`` -> logits after each glimpse, ``(batch_size, steps, 10)``.

        The last of them are those of the whole image.
        """
        glimpses = cut_glimpses(images, self.glimpse)
        states, _ = self.stack.sequence(glimpses, self.stack.zero_state(glimpses))
        logits: torch.Tensor = self.output(states)
        return logits


class Drawer(torch.nn.Module):
    """One-to-many: a digit is the first state, and rows of ink follow, each from the one before."""

    def __init__(self, cell: str, size: int) -> None:
        super().__init__()
        self.digits = torch.nn.Embedding(DIGITS, size)
        self.stack = seq2seq.RecurrentStack(cell, SIDE, (size,))
        self.output = torch.nn.Linear(size, SIDE)

    def start(self, digits: torch.Tensor) -> seq2seq.StackState:
        """Returns the state that digits ``(batch_size,)`` are drawn from."""
        embedded = self.digits(digits)
        ((_, *others),) = self.stack.zero_state(embedded).layers  # an LSTM's memory stays at zero
        return self.stack.init_state(((embedded, *others),))

    def forward(self, images: torch.Tensor, digits: torch.Tensor) -> torch.Tensor:
        """Returns logits of ink ``(batch_size, 8, 8)``, each row's after the true rows above it.

        This is teacher forcing.
        """
        above = F.pad(images[:, :-1], (0, 0, 1, 0))  # nothing stands above the first row
        states, _ = self.stack.sequence(above, self.start(digits))
        logits: torch.Tensor = self.output(states)
        return logits

    @torch.no_grad()
    def draw(self, digits: torch.Tensor) -> torch.Tensor:
        """Draws an image of each digit, every row from the rows it drew: ``(batch_size, 8, 8)``."""
        state, rows = self.start(digits), [torch.zeros(len(digits), SIDE)]
        for _ in range(SIDE):
            hidden, state = self.stack.step(rows[-1], state)
            rows.append(torch.sigmoid(self.output(hidden)))
        return torch.stack(rows[1:], dim=1)


def train_reader(digits: Digits, options: Glimpses, learnt_from: str) -> Reader:
    """Trains a network to name the digit from its last state, or from that after every glimpse."""
    torch.manual_seed(options.seed)
    reader = Reader(options.cell, options.size, options.glimpse)

    def loss(examples: Sequence[Example]) -> torch.Tensor:
        images, labels = stack_examples(examples)
        logits = reader(images)
        if learnt_from == LAST:
            logits = logits[:, -1:]
        labels = labels.unsqueeze(1).expand(logits.shape[:2])
        losses = F.cross_entropy(logits.transpose(1, 2), labels, reduction="none")
        return losses.mean(dim=1)

    fit(reader, digits, loss, options)
    return reader


def train_drawer(digits: Digits, options: Glimpses) -> Drawer:
    """Trains a decoder to give each row's ink, pixel by pixel a probability."""
    torch.manual_seed(options.seed)
    drawer = Drawer(options.cell, options.size)

    def loss(examples: Sequence[Example]) -> torch.Tensor:
        images, labels = stack_examples(examples)
        logits = drawer(images, labels)
        losses = F.binary_cross_entropy_with_logits(logits, images, reduction="none")
        return losses.mean(dim=(1, 2))

    fit(drawer, digits, loss, options)
    return drawer


def fit(
    model: torch.nn.Module,
    digits: Digits,
    loss: Callable[[Sequence[Example]], torch.Tensor],
    options: Glimpses,
) -> None:
    """Trains a model on the training images, and keeps what is best on the validation images."""
    seq2seq.fit(
        model,
        digits.training,
        digits.validation,
        loss,
        seq2seq.TrainingSettings(
            epochs=options.epochs,
            batch_tokens=32 * (SIDE + 1),
            learning_rate=5e-3,
            warmup_steps=50,
            precision="float32",
            threads=1,
        ),
        length=lambda _: SIDE,
        seed=options.seed,
    )


@torch.no_grad()
def accuracies(reader: Reader, examples: Sequence[Example]) -> list[float]:
    """Returns the share of digits that are named rightly after 1, 2, … glimpses."""
    images, labels = stack_examples(examples)
    right = reader(images).argmax(dim=-1) == labels.unsqueeze(1)  # (count, steps)
    shares: list[float] = right.float().mean(dim=0).tolist()
    return shares


def report(readers: dict[str, Reader], test: Sequence[Example], drawn: torch.Tensor) -> None:
    """Prints the accuracy after each glimpse, and how the drawn digits are read."""
    print(f"accuracy on {len(test)} unseen images, in percent, after each glimpse")
    for name, reader in readers.items():
        shares = "".join(f"{100 * share:6.1f}" for share in accuracies(reader, test))
        print(f"  loss {name:14}{shares}")
    print("drawn row by row from the digit, then read by the reader")
    with torch.no_grad():
        read = readers[LAST](drawn)[:, -1].argmax(dim=-1).tolist()
    right = sum(number == digit for digit, number in enumerate(read))
    print(f"  0 1 2 3 4 5 6 7 8 9 is read as {' '.join(map(str, read))}: {right} of {DIGITS}")


def show_reading(rows: Any, reader: Reader, image: torch.Tensor) -> None:
    """Draws an image as far as it is seen, glimpse by glimpse, under what the reader takes it for.

    Args:
        rows: matplotlib's axes, one for each glimpse.
    """
    seen = cut_glimpses(torch.arange(SIDE * SIDE).view(1, SIDE, SIDE), reader.glimpse)[0]
    with torch.no_grad():
        shares = reader(image.unsqueeze(0))[0].softmax(dim=-1)  # (steps, 10)
    hidden = torch.full((SIDE * SIDE,), torch.nan)
    for axes, pixels, share in zip(rows, seen, shares, strict=True):
        hidden[pixels] = image.flatten()[pixels]
        show_image(axes, hidden.view(SIDE, SIDE), f"{share.argmax()}: {100 * share.max():.0f} %")


def show_image(axes: Any, image: torch.Tensor, title: str) -> None:
    """Draws an image, black on white; what is not a number is light blue."""
    axes.imshow(image, cmap="Greys", vmin=0, vmax=1)
    axes.set_facecolor("lightsteelblue")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(title, fontsize=9)


def draw_figure(readers: dict[str, Reader], test: Sequence[Example], drawn: torch.Tensor) -> Any:
    """Draws two digits as they are read, the accuracy after each glimpse, and the drawn digits."""
    figure = seq2seq.new_figure(figsize=(9, 8.4), layout="constrained")
    reading, curve, drawing = figure.subfigures(3, 1, height_ratios=(2.6, 2.6, 1.2))
    reader = readers[EVERY]
    steps = len(accuracies(reader, test))
    reading.suptitle("read glimpse by glimpse: the likeliest digit, and its probability")
    for row, (image, _) in zip(reading.subplots(2, steps), test, strict=False):
        show_reading(row, reader, image)
    axes = curve.subplots()
    for name, each in readers.items():
        shares = [100 * share for share in accuracies(each, test)]
        axes.plot(range(1, steps + 1), shares, marker="o", label=f"loss {name}")
    axes.set_title("accuracy by glimpse")
    axes.set_xlabel(f"glimpses seen ({reader.glimpse})")
    axes.set_xticks(range(1, steps + 1))
    axes.set_ylabel("right, in percent")
    axes.set_ylim(0, 100)
    axes.grid(alpha=0.3)
    axes.legend()
    drawing.suptitle("drawn row by row, each from its digit")
    for digit, axes in enumerate(drawing.subplots(1, DIGITS)):
        show_image(axes, drawn[digit], str(digit))
    return figure


def main() -> None:
    """Trains two readers and a drawer, prints and draws."""
    options = seq2seq.parse_command(Glimpses, sys.argv[1:], "python recipes/glimpses.py")
    seq2seq.make_figure_folder(options.plot)
    digits = read_digits(options.seed)
    readers = {which: train_reader(digits, options, which) for which in (LAST, EVERY)}
    drawn = train_drawer(digits, options).draw(torch.arange(DIGITS))
    report(readers, digits.test, drawn)
    seq2seq.save_figure(draw_figure(readers, digits.test, drawn), options.plot)
    print(f"picture: {options.plot}")


if __name__ == "__main__":
    seq2seq.run_command(main)
