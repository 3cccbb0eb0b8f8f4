"""The worked numbers of the textbook: what networks compute, and how text is counted.

    python recipes/by_hand.py                            # all of them, in about two seconds
    python recipes/by_hand.py --only lstm cliff --plot cliff.png

What is printed of a section is its function below: a title and the source in the docstring, and the
lines that it yields, with the formula, the numbers and what they mean. All is computed by the cells
and functions of the package. How networks learn is in recipes/gradients.py.
"""

from __future__ import annotations

import math
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import torch

import seq2seq

TEXT = (
    *("deep learning is fun", "deep learning is hard", "deep water is cold"),
    *("machine learning is fun", "machine learning is fun"),
)
"""What n-grams are counted in."""
WIDTH = 96
START, RATE = 1.002, 1e-3
"""Where gradient descent meets the cliff, and its learning rate."""


@dataclass(frozen=True)
class ByHand:
    """Print the worked numbers of the textbook: formula, numbers, source, and what they mean."""

    only: tuple[str, ...] = ()
    """Sections to print, by the names that stand in brackets beside their titles."""
    plot: str = ""
    """A picture to draw as well: the cliff, and a step from it with clipping and without."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        for name in self.only:
            if name not in SECTIONS:
                yield f"--only {name} is no section; there are {', '.join(SECTIONS)}"


def tensor(values: Any) -> torch.Tensor:
    """Returns numbers as a tensor of float64."""
    return torch.tensor(values, dtype=torch.float64)


def with_weights(cell: Any, **weights: Any) -> Any:
    """Sets the weights w and u and the bias b of h = f(W x + U h + b), and all others to 0.

    A number stands for every weight of its matrix; the cell is in float64 then.
    """
    names = {"w": "weight_ih_l0", "u": "weight_hh_l0", "b": "bias_ih_l0"}
    with torch.no_grad():
        for weight in cell.double().parameters():
            weight.zero_()
        for name, values in weights.items():
            cell.weight(names[name]).copy_(torch.as_tensor(values))
    return cell


def row(label: str, values: Iterable[object], width: int = 9) -> str:
    """Returns a line of a table; numbers have four digits."""
    texts = [f"{value:.4g}" if isinstance(value, float) else str(value) for value in values]
    return f"{label:<32}" + "".join(f"{text:>{width}}" for text in texts)


def one_hot() -> Iterator[str]:
    """A one-hot vector times a matrix looks up a row.

    Zhang et al., Dive into Deep Learning, section 9.5; tied weights: Press & Wolf 2017.
    """
    ids, matrix = torch.tensor([0, 2]), torch.tensor([[10.0, 11], [20, 21], [30, 31], [40, 41]])
    vectors = seq2seq.OneHotEmbedding(4)(ids)
    yield f"one-hot of 0 and 2     {vectors.int().tolist()}"
    yield f"their product with E   {(vectors @ matrix).int().tolist()}"
    yield f"E[0] and E[2]          {matrix[ids].int().tolist()}"
    yield "So one-hot inputs and an embedding can compute one function. They learn differently: an"
    yield "embedding is a layer more, which can be tied to the output layer, and starts otherwise."


def concatenation() -> Iterator[str]:
    """One product of the concatenation is the sum of two. Zhang et al., section 9.4."""
    inputs, hidden = tensor([[1], [2], [3]]), tensor([[1, 0, 0, 1], [0, 1, 0, 1], [1, 1, 1, 1]])
    u = torch.arange(16).reshape(4, 4)
    cell = with_weights(seq2seq.CELLS["elman"](1, 4), w=[[1], [2], [3], [4]], u=u)
    two = cell.project_inputs(inputs) + cell.project_state(hidden)
    stacked = torch.cat([cell.weight("weight_ih_l0"), cell.weight("weight_hh_l0")], dim=1)
    one = torch.cat([inputs, hidden], dim=1) @ stacked.T
    yield "X W + H U = [X, H] [W; U]        shapes (3,1)(1,4) + (3,4)(4,4) = (3,5)(5,4)"
    yield f"two products           {two.int().tolist()}"
    yield f"one product            {one.int().tolist()}"


def elman() -> Iterator[str]:
    """An Elman network with all weights 1 gives 4, 12, 32; other orders give other sums.

    Elman 1990; the numbers are those of Hung-yi Lee's lecture on recurrent networks.
    """
    yield "h = W x + U h', y = V h, two linear units, weights of 1; h' is the state before, or 0"
    yield row("inputs", ["y", "y without the loop, U = 0"], 28)
    for order in ((1, 1, 2), (2, 1, 1), (1, 2, 1)):
        inputs, sums = tensor([[[x, x] for x in order]]), []
        for u in (1, 0):
            cell = with_weights(seq2seq.ElmanCell(2, 2, nonlinearity="linear"), w=1, u=u)
            outputs, _ = cell.sequence(inputs, cell.zero_state(inputs[:, 0]))
            sums.append(outputs[0].sum(-1).int().tolist())  # V h: of all units
        yield row("  ".join(f"({x}, {x})" for x in order), sums, 28)
    yield "Without the loop it is a feed-forward network: an output knows its own input alone."


def first_state() -> Iterator[str]:
    """A random first state is forgotten after a while. The echo state property: Jaeger 2001."""
    torch.manual_seed(1)
    cell, inputs, steps = seq2seq.CELLS["elman"](4, 8), torch.randn(1, 20, 4), (1, 5, 10, 20)
    starts = [cell.zero_state(inputs[:, 0]), (torch.randn(1, 8),)]
    zeros, other = (cell.sequence(inputs, start)[0][0] for start in starts)
    distances = (zeros - other).norm(dim=-1).tolist()
    yield row("step", steps, 10)
    yield row("|h from zeros - h from randn|", [f"{distances[step - 1]:.1e}" for step in steps], 10)
    yield "Any tensor can be a cell's first state. Whole models start from zeros or the encoder's"
    yield "state, so that a sentence has one translation."


def directions() -> Iterator[str]:
    """Two directions, side by side or summed, can't predict the future.

    Schuster & Paliwal 1997; Graves 2012, chapter 3.
    """
    stack = seq2seq.EncoderStack("elman-relu", 1, (1,), bidirectional=True)
    with torch.no_grad():
        for name, weight in stack.named_parameters():
            weight.fill_("weight" in name)
    for inputs in ([1, 2, 3], [1, 2, 30]):
        outputs, _ = stack.sequence(torch.tensor(inputs).view(1, 3, 1).float(), torch.tensor([3]))
        pairs = outputs[0].int()
        beside = " ".join(f"({a}, {b})" for a, b in pairs.tolist())
        summed = str(pairs.sum(-1).tolist())
        yield f"h = x + h' over {inputs!s:<10}  side by side {beside:<25} summed {summed}"
    yield "The second output changes with the third input: it has read what it should predict. So"
    yield "language models read in one direction, and encoders, whose sentence is there, in two."


def gru() -> Iterator[str]:
    """The gates of a GRU by hand. Cho et al. 2014."""
    x, h = 1.0, 0.5
    w, u = [0.0, math.log(3), 1.0], [0.0, 0.0, 2.0]  # of the reset gate, update gate, candidate
    r, z = (1 / (1 + math.exp(-(w[gate] * x + u[gate] * h))) for gate in (0, 1))
    n = math.tanh(w[2] * x + r * u[2] * h)
    cell = with_weights(seq2seq.CELLS["gru"](1, 1), w=[[v] for v in w], u=[[v] for v in u])
    output, _ = cell.step(tensor([[x]]), (tensor([[h]]),))
    yield "r = σ(0),  z = σ(ln 3),  n = tanh(x + r · 2 h'),  h = (1 - z) n + z h';  x = 1, h' = 0.5"
    yield f"by hand    r = {r:g}, z = {z:.2f}, n = {n:.4f}, h = {(1 - z) * n + z * h:.4f}"
    yield f"cell gru   h = {output.item():.4f}"
    yield "z is the share of the old state that is kept, r how much of it the candidate sees."


def lstm() -> Iterator[str]:
    """The LSTM of the lecture: x2 = 1 writes x1, x2 = -1 forgets, x3 = 1 reads.

    Hochreiter & Schmidhuber 1997; Gers et al. 2000; the numbers are of Hung-yi Lee's lecture.
    """
    w, b = [[0, 100, 0], [0, 100, 0], [1, 0, 0], [0, 0, 100]], [-10, 10, 0, -10]
    cell = with_weights(seq2seq.LSTMCell(3, 1, activation="linear"), w=w, b=b)
    inputs, states = [[3, 1, 0], [4, 1, 0], [2, 0, 0], [1, 0, 1], [3, -1, 0]], []
    state = cell.zero_state(tensor(inputs[:1]))
    for x in inputs:
        _, state = cell.step(tensor([x]), state)
        states.append([part.item() for part in state])
    yield "c = f c' + i x1,  h = o c;  i = σ(100 x2 - 10), f = σ(100 x2 + 10), o = σ(100 x3 - 10)"
    yield row("x1, x2, x3", [", ".join(map(str, x)) for x in inputs], 12)
    yield row("memory c", [f"{c:.0f}" for _, c in states], 12)
    yield row("output h", [f"{h:.0f}" for h, _ in states], 12)
    yield f"Gates are nearly 0 or 1, not quite: the 7 that is read is {states[3][0]:.4f}."


def sizes() -> Iterator[str]:
    """An LSTM has four times an Elman network's weights. Gers et al. 2000; Cho et al. 2014."""
    yield "4 inputs, 4 units: 4·4 + 4·4 + 4 weights of W, U and b, and as many for each gate"
    for name in ("elman", "gru", "lstm"):
        cell: Any = seq2seq.CELLS[name](4, 4)
        both = sum(weight.numel() for weight in cell.parameters())
        one = both - cell.bias("bias_hh_l0").numel()
        yield f"cell {name:<8} {one:>4}     {both} with the second bias that torch's kernels have"


def steps_ahead() -> Iterator[str]:
    """Some steps ahead: one by one, or all at once as a vector.

    Zhang et al., section 9.1; Ben Taieb et al. 2012.
    """
    yield "a series that doubles, from h = 1: three times u h', u = 2; or once v h', v = (2, 4, 8)"
    for label, factor in (("exact", 1.0), ("10 % larger", 1.1)):
        cell = with_weights(seq2seq.ElmanCell(1, 1, nonlinearity="linear"), u=2 * factor)
        ahead, _ = cell.sequence(tensor([[[0]] * 3]), (tensor([[1]]),))
        yield row(f"weights {label}, one by one", ahead.flatten().tolist())
        yield row(f"weights {label}, at once", (factor * tensor([2, 4, 8])).tolist())
    yield "Errors grow where a model reads its own predictions; a vector has weights for each step."


def error(w: torch.Tensor) -> torch.Tensor:
    """Returns the squared error where 1 is wanted after a thousand steps."""
    return (w**1000 - 1) ** 2


def descend(start: float, clip_norm: float) -> tuple[float, float]:
    """Returns the gradient's norm at `start`, and where a step of gradient descent leads."""
    w = tensor(start).requires_grad_()
    (w.grad,) = torch.autograd.grad(error(w), w)
    norm = seq2seq.clip_gradients([w], seq2seq.TrainingSettings(clip_norm=clip_norm))
    return norm, (w - RATE * w.grad).item()


def cliff() -> Iterator[str]:
    """The error has a cliff, and clipping keeps gradient descent near it. --plot draws it.

    Pascanu et al. 2013, figure 6; Goodfellow et al., section 8.2.4.
    """
    places = [0.98, 0.99, 1.0, 1.002, 1.005, 1.01]
    yield row("w", places)
    yield row("(w^1000 - 1)²", [f"{value:.2g}" for value in error(tensor(places)).tolist()])
    (norm, thrown), (_, clipped) = descend(START, 0), descend(START, 1)
    there, after = error(tensor(thrown)).item(), descend(clipped, 1)[1]
    yield f"At w = {START} the gradient is {norm:,.0f}. A step at the learning rate {RATE} leads"
    yield f"  without clipping    to w = {thrown:.1f}, where the error is {there:.0f}"
    yield f"  clipped to norm 1   to w = {clipped:.3f}, and the next one to w = {after:.3f}"


def cliff_figure() -> Any:
    """Draws the cliff, and a step of gradient descent from it with clipping and without."""
    figure = seq2seq.new_figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    places = torch.linspace(0.99, 1.0022, 400, dtype=torch.float64)
    axes.plot(places, error(places), color="black")
    for clip_norm, color, label in ((0, "C3", "without clipping"), (1, "C0", "clipped to norm 1")):
        step = tensor([START, descend(START, clip_norm)[1]])
        heights = error(step).clamp(max=float(error(step[0])))
        axes.plot(step, heights, "o--", color=color, label=f"step {label}, to w = {step[1]:.4g}")
    axes.set(xlim=(0.99, 1.003), ylim=(-3, 60), xlabel="w", ylabel="error $(w^{1000} - 1)^2$")
    axes.set_title("The cliff: one weight, in 1,000 steps of a network")
    axes.legend(loc="upper left")
    return figure


def vocabulary() -> Iterator[str]:
    """Ids go by frequency, and are not the same everywhere. Zhang et al., section 9.2."""
    text = [line.split() for line in ("you read books at night", "she read books daily")]
    vocab = seq2seq.Vocab.build(text)
    common = [word for word, _ in Counter(word for line in text for word in line).most_common()]
    yield f"{' '.join(text[0])} / {' '.join(text[1]):<24} count them"
    yield f"{vocab.ids(text)!s:<48} Vocab.build"
    others = [[common.index(word) + 1 for word in line] for line in text]
    yield f"{others!s:<48} from 1 on, as the Tokenizer of Keras"
    yield f"Here {' '.join(list(vocab)[:4])} are 0 to 3, and words that are equally frequent go by"
    yield "code point, there by their first place: here the order of the lines changes nothing."


def chain(order: int, sentence: str) -> list[float]:
    """Returns the probability of each word and of the end, each after the last `order` words.

    They are counted in `TEXT`: what is added to a count is too little to be seen.
    """
    lines = [line.split() for line in TEXT]
    vocab = seq2seq.Vocab.build(lines)
    model = seq2seq.NGramModel.estimate(vocab.ids(lines), order + 1, len(vocab), "add-k", k=1e-9)
    ids = torch.tensor([vocab.ids(["<bos>", *sentence.split(), "<eos>"])])
    found, _ = model.log_probabilities(ids[:, :-1], ids[:, 1:], model.start(1))
    return [math.exp(value) for value in found[0].tolist()]


def counting() -> Iterator[str]:
    """P(deep, learning, is, fun) by counting, with Markov orders 1 to 3.

    Markov 1913; Shannon 1948; Zhang et al., section 9.3.
    """
    yield f"text: {', '.join(TEXT[:3])},"
    yield f"      {', '.join(TEXT[3:])}"
    yield "order 1: P(deep) P(learning | deep) P(is | learning) P(fun | is) P(end | fun), where"
    yield "P(b | a) = n(a b) / n(a); order 3 has P(fun | deep learning is), as the chain rule has"
    for order in (1, 2, 3):
        found, unseen = chain(order, TEXT[0]), chain(order, "machine learning is hard")
        product = " · ".join(str(Fraction(p).limit_denominator(99)) for p in found)
        beside = f"machine learning is hard: {math.prod(unseen):.2f}"
        yield f"order {order}   {product} = {math.prod(found):.2f}      {beside}"
    size = sum(weight.numel() for weight in seq2seq.CELLS["elman"](28, 256).parameters())
    yield "Order 3 knows that this is one line of five, and denies what it has not seen."
    yield f"Tables grow as V^n: 28 letters have {28**2} pairs, and {28**5:,} sequences of five. An"
    yield f"Elman cell of 256 units has {size:,} weights however far it looks: τ steps cost O(τ)."


def perplexities() -> Iterator[str]:
    """Perplexity is the geometric mean of 1/p, not the harmonic one.

    Jelinek et al. 1977; older editions of Zhang et al. call it the harmonic mean.
    """
    found = chain(1, TEXT[0])
    choices = [1 / p for p in found]
    nats = statistics.fmean(-math.log(p) for p in found)
    yield row("1/p of deep learning is fun, end", choices)
    yield row("perplexity, exp(mean of -ln p)", [seq2seq.perplexity(nats)])
    yield row("geometric mean of 1/p", [statistics.geometric_mean(choices)])
    yield row("harmonic mean of 1/p", [statistics.harmonic_mean(choices)])
    yield row("arithmetic mean of 1/p", [statistics.fmean(choices)])
    yield "1 is certainty, k a fair choice among k tokens at every step."


PARTS: tuple[Callable[[], Iterator[str]], ...] = (
    *(one_hot, concatenation, elman, first_state, directions, gru, lstm, sizes, steps_ahead, cliff),
    *(vocabulary, counting, perplexities),
)
SECTIONS = {part.__name__.replace("_", "-"): part for part in PARTS}
"""What there is to see, by name, in the order of a course."""


def page(name: str) -> str:
    """Returns a section as it is printed."""
    title, source = " ".join((SECTIONS[name].__doc__ or "").split()).split(". ", 1)
    head = f"{title:<{WIDTH - len(name) - 2}}[{name}]"
    return "\n  ".join([head, source, *SECTIONS[name]()])


def main() -> None:
    """Prints the sections."""
    options = seq2seq.parse_command(ByHand, sys.argv[1:], "python recipes/by_hand.py")
    if options.plot:
        seq2seq.check_figure_path(options.plot)
    print("\n\n".join(page(name) for name in options.only or SECTIONS))
    if not options.only:
        print("\nHow networks learn, by hand: python recipes/gradients.py")
    if options.plot:
        seq2seq.save_figure(cliff_figure(), options.plot)


if __name__ == "__main__":
    seq2seq.run_command(main)
