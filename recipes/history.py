"""Recurrent networks of the textbooks' history, each in a few lines, each with a number.

    python recipes/history.py
    python recipes/history.py --seed 2

1. Hopfield's network (1982) stores patterns and recalls them from noisy ones.
2. Cells: what is handed from step to step, and what of it can be learnt. Three are written here, as
   anybody's own cell would be, and entered in the package's table of cells; the others come with
   the package. All read strings of 0 and 1, and answer a question about the string at its end.
3. A hierarchical network reads letters into words, and words into a sentence.

The fully recurrent network of the textbooks is Elman's: each unit of the state sees all others.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import seq2seq
from seq2seq.cli.options import parse_command
from seq2seq.config.fields import NonNegativeInt
from seq2seq.models.cells.base import CellState
from seq2seq.models.dropout import NO_DROPOUT, DropoutMasks, apply_mask
from seq2seq.models.rnn import EncoderStack
from seq2seq.plotting.figure import make_figure_folder, new_figure, save_figure


@dataclass(frozen=True)
class History:
    """See the recurrent networks of the textbooks' history at work."""

    strings: seq2seq.PositiveInt = 1000
    """Strings to learn each question from."""
    epochs: seq2seq.PositiveInt = 30
    """Passes over them."""
    seed: NonNegativeInt = 1
    """Of patterns, strings and weights."""
    plot: str = "runs/history.png"
    """Where to draw: a file .png, .pdf or .svg, whose folder is made."""


# --------------------------------------------------------------------------------------------------
# Hopfield (1982)

SIDE = 12
"""Patterns are squares of so many units on a side."""
NOISE = 0.2
"""The share of units that are turned over before a pattern is recalled."""


def letters() -> Tensor:
    """Returns the letters T, X and O as patterns of -1 and 1, ``(3, 144)``."""
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    last = SIDE - 1
    t = (rows < 2) | (columns == SIDE // 2) | (columns == SIDE // 2 - 1)
    x = ((rows - columns).abs() < 2) | ((rows + columns - last).abs() < 2)
    edge = torch.stack([rows, columns, last - rows, last - columns]).amin(dim=0)
    return 2.0 * torch.stack([t, x, edge < 2]).flatten(1) - 1


class Hopfield:
    """Units of -1 and 1, each connected with all others: W = Σ p pᵀ / n, without the diagonal.

    Args:
        patterns: what to store, ``(count, n)``: the Hebbian rule, without any training.
    """

    def __init__(self, patterns: Tensor) -> None:
        self.weights = patterns.T @ patterns / patterns.shape[1]
        self.weights.fill_diagonal_(0)

    def energy(self, state: Tensor) -> float:
        """Returns -½ s W s of a state ``(n,)``."""
        return float(-0.5 * state @ self.weights @ state)

    def recall(self, state: Tensor, generator: torch.Generator) -> tuple[Tensor, list[float]]:
        """Sets unit after unit, in random order, to the sign of its input, until none changes.

        Returns:
            The last state, and the energy at first and after each change; it always falls.
        """
        state, energies = state.clone(), [self.energy(state)]
        while True:
            before = len(energies)
            for unit in torch.randperm(len(state), generator=generator).tolist():
                value = torch.where(self.weights[unit] @ state >= 0, 1.0, -1.0)
                if value != state[unit]:
                    state[unit] = value
                    energies.append(self.energy(state))
            if len(energies) == before:
                return state, energies


def add_noise(pattern: Tensor, generator: torch.Generator) -> Tensor:
    """Turns over a fifth of the units, drawn at random."""
    chosen = torch.randperm(len(pattern), generator=generator)[: round(NOISE * len(pattern))]
    noisy = pattern.clone()
    noisy[chosen] *= -1
    return noisy


def recalled_share(count: int, units: int, generator: torch.Generator) -> float:
    """Returns how many of `count` random patterns come back from noise without a wrong unit."""
    patterns = 2.0 * torch.randint(2, (count, units), generator=generator) - 1
    network = Hopfield(patterns)
    recalled = [network.recall(add_noise(each, generator), generator)[0] for each in patterns]
    return sum(map(torch.equal, recalled, patterns)) / count


# --------------------------------------------------------------------------------------------------
# Cells


class SecondOrderCell(seq2seq.Cell):
    """The second-order network of Giles et al. (1992): a symbol chooses the matrix of the state.

    .. math:: h_{t,i} = σ(\\sum_{jk} W_{ijk} h_{t-1,j} x_{t,k})

    The state starts at (1, 0, 0, …), as theirs.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(hidden_size)
        self.weight = nn.Parameter(torch.empty(hidden_size, hidden_size, input_size).uniform_(-1, 1))

    def zero_state(self, like: Tensor) -> CellState:
        """Returns the state before the first symbol, in which the first unit alone is on."""
        (zeros,) = super().zero_state(like)
        return (torch.cat([torch.ones_like(zeros[:, :1]), zeros[:, 1:]], dim=1),)

    def project_inputs(self, inputs: Tensor) -> Tensor:
        """Computes Σ_k W_ijk x_k: ``(…, input_size)`` -> ``(…, hidden_size, hidden_size)``."""
        return torch.einsum("ijk,...k->...ij", self.weight, inputs)

    def update(
        self, projected: Tensor, state: CellState, masks: DropoutMasks = NO_DROPOUT
    ) -> CellState:
        """Computes the formula of the class, with the matrix given."""
        hidden = apply_mask(state[0], masks.state)
        return (torch.sigmoid(torch.einsum("bij,bj->bi", projected, hidden)),)


class CascadedCell(seq2seq.Cell):
    """The cascaded network of Pollack (1987, 1991): the state makes the weights of the next step.

    .. math:: W_t = A h_{t-1} + B, \\quad h_t = σ(W_t [x_t; 1])

    A context network, A and B, has as its outputs the weights of a function network, which reads
    the symbol. It is of second order, too: with a bias, and products of the state with it.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(hidden_size)
        self.context = nn.Linear(hidden_size, hidden_size * (input_size + 1))
        nn.init.uniform_(self.context.weight, -1, 1)

    def project_inputs(self, inputs: Tensor) -> Tensor:
        """Returns [x; 1]: ``(…, input_size)`` -> ``(…, input_size + 1)``."""
        return F.pad(inputs, (0, 1), value=1.0)

    def update(
        self, projected: Tensor, state: CellState, masks: DropoutMasks = NO_DROPOUT
    ) -> CellState:
        """Computes the formula of the class, with [x; 1] given."""
        weights = self.context(apply_mask(state[0], masks.state))
        weights = weights.unflatten(-1, (self.hidden_size, -1))
        return (torch.sigmoid(torch.einsum("bij,bj->bi", weights, projected)),)


class RecurrentPerceptronCell(seq2seq.Cell):
    """A recurrent multilayer perceptron: a hidden layer between a state and the next one.

    .. math:: h_t = \\tanh(V \\tanh(W x_t + b + U h_{t-1}) + c)

    This is the deep transition of Pascanu et al. (2014). The hidden layer is twice as wide as the
    state; as wide as the state, it would be the form of Jordan's network that the package has.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(hidden_size)
        self.input = nn.Linear(input_size, 2 * hidden_size)
        self.recurrent = nn.Linear(hidden_size, 2 * hidden_size, bias=False)
        self.output = nn.Linear(2 * hidden_size, hidden_size)
        nn.init.orthogonal_(self.recurrent.weight)
        nn.init.orthogonal_(self.output.weight)

    def project_inputs(self, inputs: Tensor) -> Tensor:
        """Computes W x + b: ``(…, input_size)`` -> ``(…, 2 * hidden_size)``."""
        projected: Tensor = self.input(inputs)
        return projected

    def update(
        self, projected: Tensor, state: CellState, masks: DropoutMasks = NO_DROPOUT
    ) -> CellState:
        """Computes the formula of the class, with W x + b given."""
        hidden = torch.tanh(projected + self.recurrent(apply_mask(state[0], masks.state)))
        return (torch.tanh(self.output(hidden)),)


STATE, TESTED = 16, 500
"""The width of states, and how many strings, or sentences, are tested on."""

OWN_CELLS = {
    "second-order": SecondOrderCell,
    "cascaded": CascadedCell,
    "recurrent-mlp": RecurrentPerceptronCell,
}
EXPLAINED = {
    "elman": "Elman (1990): the state is fed back; the fully recurrent network",
    "jordan": "Jordan (1986): the output is fed back in the place of the state",
    "leaky": "continuous time: each unit leaks, with a time constant of its own",
    "echo-state": "Jaeger (2001): a random network that does not learn; its readout does",
    "recurrent-mlp": "recurrent multilayer perceptron: a hidden layer between two states",
    "second-order": "Giles et al. (1992): products of state and symbol",
    "cascaded": "Pollack (1987): the state makes the weights of the next step",
}
"""The cells that are compared, and what each is known for."""


class Question(NamedTuple):
    """Something to know about a string of 0 and 1.

    Attributes:
        answer: 0 or 1 for a string ``(length,)``.
        learnt, tested: the least and the greatest length of strings to learn from, and to test on.
    """

    answer: Callable[[Tensor], Tensor]
    learnt: tuple[int, int]
    tested: tuple[int, int]


QUESTIONS = {
    "parity": Question(lambda string: string.sum() % 2, (1, 10), (20, 40)),
    "000": Question(lambda string: (string.unfold(0, 3, 1).sum(1) == 0).any(), (3, 12), (20, 40)),
    "first": Question(lambda string: string[0], (30, 30), (30, 30)),
}
"""Whether the number of ones is odd, whether three zeros stand in a row (Tomita's fourth language,
1982, has them not), and which symbol was the first. The first two are regular languages."""

Example = tuple[Tensor, Tensor]
"""A string ``(length,)``, or the letters of a sentence, and the answer."""


def draw_strings(
    question: Question, lengths: tuple[int, int], count: int, generator: torch.Generator
) -> list[Example]:
    """Draws random strings with their answers."""
    examples = []
    for _ in range(count):
        length = torch.randint(lengths[0], lengths[1] + 1, (1,), generator=generator)
        string = torch.randint(2, (int(length),), generator=generator)
        examples.append((string, question.answer(string).long()))
    return examples


class StringReader(nn.Module):
    """Many-to-one: reads symbols by a cell, and answers from the last state."""

    def __init__(self, cell: str, symbols: int, size: int, answers: int) -> None:
        super().__init__()
        self.symbols = symbols
        self.stack = EncoderStack(cell, symbols, (size,), bidirectional=False)
        self.output = nn.Linear(size, answers)

    def forward(self, strings: Sequence[Tensor]) -> Tensor:
        """Reads strings, each ``(its length,)`` -> logits ``(count, answers)``."""
        lengths = torch.tensor([len(each) for each in strings])
        padded = nn.utils.rnn.pad_sequence(list(strings), batch_first=True)
        _, state = self.stack.sequence(F.one_hot(padded, self.symbols).float(), lengths)
        logits: Tensor = self.output(state.layers[-1][0])
        return logits


def train_and_test(
    reader: nn.Module, learnt: list[Example], tested: list[Example], options: History
) -> float:
    """Trains a reader on some examples, a fifth of them to validate, and returns its accuracy."""
    training = len(learnt) * 4 // 5

    def loss(examples: Sequence[Example]) -> Tensor:
        texts, answers = zip(*examples, strict=True)
        return F.cross_entropy(reader(texts), torch.stack(answers), reduction="none")

    seq2seq.fit(
        reader,
        learnt[:training],
        learnt[training:],
        loss,
        seq2seq.TrainingSettings(
            epochs=options.epochs,
            batch_tokens=512,
            learning_rate=1e-2,
            warmup_steps=20,
            precision="float32",
            threads=1,
        ),
        length=lambda example: example[0].numel(),
        seed=options.seed,
    )
    texts, answers = zip(*tested, strict=True)
    with torch.no_grad():
        right = reader(texts).argmax(dim=-1) == torch.stack(answers)
    return float(right.float().mean())


def compare_cells(options: History) -> dict[str, dict[str, float]]:
    """Returns the accuracy of each cell by question, on strings that it has not seen."""
    found: dict[str, dict[str, float]] = {cell: {} for cell in EXPLAINED}
    for name, question in QUESTIONS.items():
        generator = torch.Generator().manual_seed(options.seed)
        learnt = draw_strings(question, question.learnt, options.strings, generator)
        tested = draw_strings(question, question.tested, TESTED, generator)
        for cell in found:
            torch.manual_seed(options.seed)
            reader = StringReader(cell, symbols=2, size=STATE, answers=2)
            found[cell][name] = train_and_test(reader, learnt, tested, options)
    return found


# --------------------------------------------------------------------------------------------------
# Hierarchical

LETTERS, WORD, SENTENCE, LEXICON = 26, 5, 8, 10
"""How many letters there are, letters of a word, words of a sentence, and words in all."""


class HierarchicalReader(nn.Module):
    """Reads the letters of each word into a vector, and the vectors of the words into another."""

    def __init__(self, cell: str, size: int, answers: int) -> None:
        super().__init__()
        self.words = EncoderStack(cell, LETTERS, (size,), bidirectional=False)
        self.sentence = EncoderStack(cell, size, (size,), bidirectional=False)
        self.output = nn.Linear(size, answers)

    def forward(self, sentences: Sequence[Tensor]) -> Tensor:
        """Reads sentences, each ``(words * letters,)`` -> logits ``(count, answers)``."""
        letters = F.one_hot(torch.stack(list(sentences)), LETTERS).float()
        words = letters.view(-1, WORD, LETTERS)  # (count * words, letters, 26)
        _, state = self.words.sequence(words, torch.full((len(words),), WORD))
        vectors = state.layers[-1][0].view(len(sentences), SENTENCE, -1)
        _, state = self.sentence.sequence(vectors, torch.full((len(sentences),), SENTENCE))
        logits: Tensor = self.output(state.layers[-1][0])
        return logits


def draw_sentences(count: int, generator: torch.Generator) -> list[Example]:
    """Draws sentences of random words; the answer is the number of the first word."""
    lexicon = torch.randint(LETTERS, (LEXICON, WORD), generator=torch.Generator().manual_seed(0))
    numbers = torch.randint(LEXICON, (count, SENTENCE), generator=generator)
    return [(lexicon[each].flatten(), each[0]) for each in numbers]


def compare_hierarchical(options: History) -> tuple[float, float]:
    """Returns the accuracies of an Elman network over letters and of a hierarchical one."""
    generator = torch.Generator().manual_seed(options.seed)
    learnt = draw_sentences(options.strings, generator)
    tested = draw_sentences(TESTED, generator)
    torch.manual_seed(options.seed)
    flat = train_and_test(StringReader("elman", LETTERS, STATE, LEXICON), learnt, tested, options)
    torch.manual_seed(options.seed)
    levels = train_and_test(HierarchicalReader("elman", STATE, LEXICON), learnt, tested, options)
    return flat, levels


# --------------------------------------------------------------------------------------------------
# Report


def report_hopfield(options: History) -> Any:
    """Prints what Hopfield's network recalls, and returns the picture of it."""
    generator = torch.Generator().manual_seed(options.seed)
    patterns = letters()
    network = Hopfield(patterns)
    noisy = [add_noise(pattern, generator) for pattern in patterns]
    recalled = [network.recall(each, generator) for each in noisy]
    right = sum(torch.equal(state, pattern) for (state, _), pattern in zip(recalled, patterns, strict=True))
    print("Hopfield (1982): three letters are stored by the Hebbian rule, and recalled from noise")
    print(f"  {100 * NOISE:.0f} % of the {SIDE * SIDE} units turned over: {right} of 3 come back whole")
    _, energies = recalled[0]
    print(f"  energy of the first: {energies[0]:.1f} falls to {energies[-1]:.1f} in {len(energies) - 1} changes of a unit, never rising")
    for count in CAPACITY:
        share = recalled_share(count, SIDE * SIDE, generator)
        print(f"  {count} random patterns stored: {100 * share:.0f} % come back whole")
    return None


def report_cells(found: dict[str, dict[str, float]]) -> None:
    """Prints the accuracy of each cell by question."""
    print("\nCells: strings of 0 and 1 are read, and a question is answered; accuracy in percent")
    print(f"  {'':14}", *(f"{name:>7}" for name in QUESTIONS))
    for cell, accuracies in found.items():
        numbers = (f"{100 * accuracy:7.1f}" for accuracy in accuracies.values())
        print(f"  {cell:14}", *numbers, f"  {EXPLAINED[cell]}")
    print("  parity: is the number of ones odd? 000: are there three zeros in a row? (both learnt")
    print("  from short strings, asked of long ones) first: what did the string begin with?")


def main() -> None:
    """Runs the networks, prints and draws."""
    options = parse_command(History, sys.argv[1:], "python recipes/history.py")
    make_figure_folder(options.plot)
    seq2seq.CELLS.update(OWN_CELLS)
