"""Recurrent networks of the textbooks' history, each in a few lines, each with a number.

    python recipes/history.py
    python recipes/history.py --seed 2

Cells: what is handed from step to step, and what can be learnt with it. Three are written here, as
anybody's own cell would be, and entered in the package's table of cells; the others come with the
package. All read strings of 0 and 1, and answer a question about the string at its end. The fully
recurrent network of the textbooks is Elman's: each unit of the state sees all others. Then a
hierarchical network: letters are read into words, and words into a sentence. Hopfield's network,
which reads no sequence, has a recipe of its own: `recipes/hopfield.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F

import seq2seq

State = tuple[torch.Tensor, ...]


@dataclass(frozen=True)
class History:
    """See the recurrent networks of the textbooks' history at work."""

    strings: seq2seq.PositiveInt = 500
    """Strings to learn each question from."""
    epochs: seq2seq.PositiveInt = 40
    """Passes over them."""
    seed: seq2seq.NonNegativeInt = 1
    """Of patterns, strings and weights."""
    plot: str = "runs/history.png"
    """Where to draw: a file .png, .pdf or .svg, whose folder is made."""


# --------------------------------------------------------------------------------------------------
# Cells


class SecondOrderCell(seq2seq.Cell):
    """The second-order network of Giles et al. (1992): a symbol chooses the matrix of the state.

    .. math:: h_{t,i} = σ(\\sum_{jk} W_{ijk} h_{t-1,j} x_{t,k})

    The state starts at (1, 0, 0, …), as theirs.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(hidden_size)
        self.weight = torch.nn.Parameter(
            torch.empty(hidden_size, hidden_size, input_size).uniform_(-1, 1)
        )

    def zero_state(self, like: torch.Tensor) -> State:
        """Returns the state before the first symbol, in which the first unit alone is on."""
        (zeros,) = super().zero_state(like)
        return (torch.cat([torch.ones_like(zeros[:, :1]), zeros[:, 1:]], dim=1),)

    def project_inputs(self, inputs: torch.Tensor) -> torch.Tensor:
        """Computes Σ_k W_ijk x_k: ``(…, input_size)`` -> ``(…, hidden_size, hidden_size)``."""
        return torch.einsum("ijk,...k->...ij", self.weight, inputs)

    def update(self, projected: torch.Tensor, state: State, masks: seq2seq.DropoutMasks) -> State:
        """Computes the formula of the class, with the matrix given."""
        hidden = seq2seq.apply_mask(state[0], masks.state)
        return (torch.sigmoid(torch.einsum("bij,bj->bi", projected, hidden)),)


class CascadedCell(seq2seq.Cell):
    """The cascaded network of Pollack (1987, 1991): the state makes the weights of the next step.

    .. math:: W_t = A h_{t-1} + B, \\quad h_t = σ(W_t [x_t; 1])

    A context network, A and B, has as its outputs the weights of a function network, which reads
    the symbol. It is of second order, too: with a bias, and products of the state with it.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(hidden_size)
        self.context = torch.nn.Linear(hidden_size, hidden_size * (input_size + 1))
        torch.nn.init.uniform_(self.context.weight, -1, 1)

    def project_inputs(self, inputs: torch.Tensor) -> torch.Tensor:
        """Returns [x; 1]: ``(…, input_size)`` -> ``(…, input_size + 1)``."""
        return F.pad(inputs, (0, 1), value=1.0)

    def update(self, projected: torch.Tensor, state: State, masks: seq2seq.DropoutMasks) -> State:
        """Computes the formula of the class, with [x; 1] given."""
        weights = self.context(seq2seq.apply_mask(state[0], masks.state))
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
        self.input = torch.nn.Linear(input_size, 2 * hidden_size)
        self.recurrent = torch.nn.Linear(hidden_size, 2 * hidden_size, bias=False)
        self.output = torch.nn.Linear(2 * hidden_size, hidden_size)
        torch.nn.init.orthogonal_(self.recurrent.weight)
        torch.nn.init.orthogonal_(self.output.weight)

    def project_inputs(self, inputs: torch.Tensor) -> torch.Tensor:
        """Computes W x + b: ``(…, input_size)`` -> ``(…, 2 * hidden_size)``."""
        projected: torch.Tensor = self.input(inputs)
        return projected

    def update(self, projected: torch.Tensor, state: State, masks: seq2seq.DropoutMasks) -> State:
        """Computes the formula of the class, with W x + b given."""
        hidden = torch.tanh(projected + self.recurrent(seq2seq.apply_mask(state[0], masks.state)))
        return (torch.tanh(self.output(hidden)),)


UNITS, TESTED = 16, 500
"""The width of states, and how many strings, or sentences, are tested on."""

OWN_CELLS = {
    "second-order": SecondOrderCell,
    "cascaded": CascadedCell,
    "recurrent-mlp": RecurrentPerceptronCell,
}
EXPLAINED = {
    "elman": "Elman (1990): the state is fed back",
    "jordan": "Jordan (1986): the output is fed back",
    "leaky": "continuous time: each unit leaks, slow or fast",
    "echo-state": "Jaeger (2001): the state's weights do not learn",
    "recurrent-mlp": "a hidden layer between two states",
    "second-order": "Giles et al. (1992): state times symbol",
    "cascaded": "Pollack (1987): the state makes weights",
}
"""The cells that are compared, and what each is known for."""


class Question(NamedTuple):
    """Something to know about a string of 0 and 1.

    Attributes:
        answer: 0 or 1 for a string ``(length,)``.
        learnt, tested: the least and the greatest length of strings to learn from, and to test on.
    """

    answer: Callable[[torch.Tensor], torch.Tensor]
    learnt: tuple[int, int]
    tested: tuple[int, int]


QUESTIONS = {
    "parity": Question(lambda string: string.sum() % 2, (1, 6), (20, 40)),
    "000": Question(lambda string: (string.unfold(0, 3, 1).sum(1) == 0).any(), (3, 10), (20, 40)),
    "fourth": Question(lambda string: string[-4], (4, 10), (20, 40)),
    "majority": Question(lambda string: 2 * string.sum() > len(string), (1, 10), (20, 40)),
}
"""The report says what they ask. Strings without 000 are Tomita's fourth language (1982)."""

Example = tuple[torch.Tensor, torch.Tensor]
"""A string ``(length,)``, or the letters of a sentence, and the answer."""


def draw_strings(
    question: Question, lengths: tuple[int, int], count: int, generator: torch.Generator
) -> list[Example]:
    """Draws random strings with their answers, which are 0 and 1 in turn: chance is a half."""
    examples: list[Example] = []
    while len(examples) < count:
        length = torch.randint(lengths[0], lengths[1] + 1, (1,), generator=generator)
        string = torch.randint(2, (int(length),), generator=generator)
        answer = question.answer(string).long()
        if answer == len(examples) % 2:
            examples.append((string, answer))
    return examples


class StringReader(torch.nn.Module):
    """Many-to-one: reads symbols by a cell, and answers from the last state."""

    def __init__(self, cell: str, symbols: int, size: int, answers: int) -> None:
        super().__init__()
        self.symbols = symbols
        self.stack = seq2seq.EncoderStack(cell, symbols, (size,), bidirectional=False)
        self.output = torch.nn.Linear(size, answers)

    def forward(self, strings: Sequence[torch.Tensor]) -> torch.Tensor:
        """Reads strings, each ``(its length,)`` -> logits ``(count, answers)``."""
        lengths = torch.tensor([len(each) for each in strings])
        padded = torch.nn.utils.rnn.pad_sequence(list(strings), batch_first=True)
        _, state = self.stack.sequence(F.one_hot(padded, self.symbols).float(), lengths)
        logits: torch.Tensor = self.output(state.layers[-1][0])
        return logits


def train_and_test(
    reader: torch.nn.Module, learnt: list[Example], tested: list[Example], options: History
) -> float:
    """Trains a reader on some examples, a fifth of them to validate, and returns its accuracy."""
    training = len(learnt) * 4 // 5

    def loss(examples: Sequence[Example]) -> torch.Tensor:
        texts, answers = zip(*examples, strict=True)
        return F.cross_entropy(reader(texts), torch.stack(answers), reduction="none")

    seq2seq.fit(
        reader,
        learnt[:training],
        learnt[training:],
        loss,
        seq2seq.TrainingSettings(
            epochs=options.epochs,
            batch_tokens=64,  # 32 examples, each counted as one token and its end
            learning_rate=1e-2,
            warmup_steps=20,
            validate_every=100,
            precision="float32",
            threads=1,
        ),
        length=lambda _: 1,
        seed=options.seed,
    )
    texts, answers = zip(*tested, strict=True)
    with torch.no_grad():
        right = reader(texts).argmax(dim=-1) == torch.stack(answers)
    return float(right.float().mean())


def learn(cell: str, question: Question, options: History) -> float:
    """Returns a cell's accuracy on strings longer than those that it learns from."""
    generator = torch.Generator().manual_seed(options.seed)
    learnt = draw_strings(question, question.learnt, options.strings, generator)
    tested = draw_strings(question, question.tested, TESTED, generator)
    torch.manual_seed(options.seed)
    return train_and_test(StringReader(cell, 2, UNITS, 2), learnt, tested, options)


# --------------------------------------------------------------------------------------------------
# Hierarchical

LETTERS, WORD, SENTENCE, LEXICON = 26, 5, 12, 10
"""How many letters there are, letters of a word, words of a sentence, and words in all."""


class HierarchicalReader(torch.nn.Module):
    """Reads the letters of each word into a vector, and the vectors of the words into another."""

    def __init__(self, cell: str, size: int, answers: int) -> None:
        super().__init__()
        self.words = seq2seq.EncoderStack(cell, LETTERS, (size,), bidirectional=False)
        self.sentence = seq2seq.EncoderStack(cell, size, (size,), bidirectional=False)
        self.output = torch.nn.Linear(size, answers)

    def forward(self, sentences: Sequence[torch.Tensor]) -> torch.Tensor:
        """Reads sentences, each ``(words * letters,)`` -> logits ``(count, answers)``."""
        letters = F.one_hot(torch.stack(list(sentences)), LETTERS).float()
        words = letters.view(-1, WORD, LETTERS)  # (count * words, letters, 26)
        _, state = self.words.sequence(words, torch.full((len(words),), WORD))
        vectors = state.layers[-1][0].view(len(sentences), SENTENCE, -1)
        _, state = self.sentence.sequence(vectors, torch.full((len(sentences),), SENTENCE))
        logits: torch.Tensor = self.output(state.layers[-1][0])
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
    flat = train_and_test(StringReader("elman", LETTERS, UNITS, LEXICON), learnt, tested, options)
    torch.manual_seed(options.seed)
    levels = train_and_test(HierarchicalReader("elman", UNITS, LEXICON), learnt, tested, options)
    return flat, levels


def report_cells(found: Mapping[str, Mapping[str, float]]) -> None:
    """Prints the accuracy of each cell by question."""
    print("Cells: strings of 0 and 1 are read, then a question is answered; right, in percent")
    print(f"  {'':13}", *(f"{name:>8}" for name in QUESTIONS))
    for cell, accuracies in found.items():
        numbers = (f"{100 * accuracy:8.1f}" for accuracy in accuracies.values())
        print(f"  {cell:13}", *numbers, f"  {EXPLAINED[cell]}")
    print("  parity: is the number of ones odd? 000: are there three zeros in a row? fourth: the")
    print("  fourth symbol from the end? majority: are most symbols ones? All are learnt from")
    print("  strings of at most 10 symbols (parity: 6), and asked of strings of 20 to 40.")
    print("  Look at parity: one step of it is an exclusive or of state and symbol, a product.")


def report_hierarchical(flat: float, levels: float) -> None:
    """Prints what it brings to read a sentence by its words."""
    print("Hierarchical: letters are read into words, words into a sentence; right, in percent")
    print(f"  which word was the first of {SENTENCE}? Elman cells in both networks")
    print(f"  {100 * flat:5.1f}  one network: the answer is {SENTENCE * WORD} letters back")
    print(f"  {100 * levels:5.1f}  two, one above the other: it is {SENTENCE} words back")


def draw(accuracies: Mapping[str, Mapping[str, float]]) -> Any:
    """Draws what each cell learns, a group of bars for each."""
    figure = seq2seq.new_figure(figsize=(9, 4), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / len(QUESTIONS)
    for number, question in enumerate(QUESTIONS):
        places = [place + width * (number - 1.5) for place in range(len(accuracies))]
        heights = [100 * each[question] for each in accuracies.values()]
        axes.bar(places, heights, width, label=question)
    axes.axhline(50, color="black", linestyle=":", label="chance")
    axes.set_xticks(range(len(accuracies)), accuracies)
    axes.set_ylim(0, 100)
    axes.set_ylabel("right, in percent")
    axes.set_title("what each cell learns about strings of 0 and 1")
    figure.legend(loc="outside lower center", ncols=5)
    return figure


def main() -> None:
    """Runs the networks, prints and draws."""
    options = seq2seq.parse_command(History, sys.argv[1:], "python recipes/history.py")
    seq2seq.make_figure_folder(options.plot)
    for name, cell in OWN_CELLS.items():
        seq2seq.CELLS[name] = cell
    accuracies = {
        cell: {name: learn(cell, question, options) for name, question in QUESTIONS.items()}
        for cell in EXPLAINED
    }
    report_cells(accuracies)
    report_hierarchical(*compare_hierarchical(options))
    seq2seq.save_figure(draw(accuracies), options.plot)
    print(f"picture: {options.plot}")


if __name__ == "__main__":
    seq2seq.run_command(main)
