"""Speech in small: frames to letters without knowing which frame belongs to which letter (CTC).

    python recipes/ctc.py
    python recipes/ctc.py --noise 0.8 --draw 好棒棒

A made-up voice says texts: each letter has a sound, a random vector, that lasts some frames, there
are pauses, and all of it is noisy. A bidirectional LSTM reads the frames and gives each one a
distribution over the letters and a blank. CTC, connectionist temporal classification (Graves et al.
2006), sums over all paths, a symbol for each frame, that collapse to the text: repeats are merged,
then blanks are left out. Only a blank can keep two equal letters apart: without it, 好棒棒 can't be
told from 好棒. Two ways to decode are written out here, the best path and prefix beam search; where
the network is sure of each frame, the two agree.
"""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import groupby, pairwise
from statistics import fmean
from typing import Any, NamedTuple

import torch

import seq2seq

BLANK = "-"
FEATURES = 12  # numbers in a frame
HIDDEN = 48  # of each direction
KINDS = ("all", "with double letters", "without double letters")  # of texts
IMPOSSIBLE = -1e4  # a logit whose probability is 0 in float32; infinity would make gradients NaN


@dataclass(frozen=True)
class Ctc:
    """Write down what a noisy voice says, letter by letter: CTC, with its blank and without."""

    letters: str = "abde好棒"
    """The letters that there are."""
    texts: seq2seq.PositiveInt = 1500
    """How many texts to learn from."""
    epochs: seq2seq.PositiveInt = 8
    """Passes over them."""
    noise: seq2seq.NonNegativeFloat = 0.5
    """Standard deviation of the noise; that of the sounds is 1."""
    beam_size: seq2seq.PositiveInt = 8
    """Prefixes that prefix beam search follows."""
    draw: str = "added"
    """The text whose frames are drawn."""
    seed: seq2seq.NonNegativeInt = 1
    """Of sounds, texts, noise and weights."""
    plot: str = "runs/ctc.png"
    """Where to draw: a file .png, .pdf or .svg, whose folder is made."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        distinct = len(set(self.letters))
        if distinct < 2 or distinct < len(self.letters) or BLANK in self.letters:
            yield f"--letters {self.letters!r} must be different letters, two or more, no {BLANK}"
        if not 1 <= len(self.draw) <= 40 or set(self.draw) - set(self.letters):
            yield f"--draw {self.draw!r} must be 1 to 40 of the letters {self.letters}"


def collapse(path: str, blank: str = BLANK) -> str:
    """Returns the text of a path: repeats are merged, then blanks are left out.

    >>> collapse("1100110022200", blank="0"), collapse("好好棒棒棒"), collapse("好-棒-棒")
    ('112', '好棒', '好棒棒')
    """
    return "".join(symbol for symbol, _ in groupby(path) if symbol != blank)


def best_path(probabilities: Sequence[Sequence[float]], symbols: str) -> str:
    """Returns the most probable path, of each frame the most probable symbol: greedy search.

    The text it collapses to need not be the most probable one: another may have more paths.

    Args:
        probabilities: ``(frames, symbols)``.
        symbols: a character each.
    """
    return "".join(symbols[max(range(len(x)), key=x.__getitem__)] for x in probabilities)


def prefix_beam_search(
    probabilities: Sequence[Sequence[float]], symbols: str, beam_size: int
) -> dict[str, float]:
    """Sums up the paths of the most probable texts, frame by frame, most probable text first.

    A prefix is what a path has collapsed to so far (Graves 2012, section 7.5; Hannun et al. 2014).
    Its paths are kept as two sums, since they go on differently: after a blank the prefix's last
    letter may come again as a new one; directly after that letter it is merged.

    Args:
        probabilities: ``(frames, symbols)``; symbol 0 is the blank. They are no logarithms, which
            suffices for some hundred frames.
        symbols: a character each.
        beam_size: how many prefixes are kept after each frame. Without pruning the sums are exact.

    Returns:
        The texts with their probabilities.
    """
    prefixes = {"": [1.0, 0.0]}  # the sum of the paths that end in a blank, and in the last letter
    for blank, *letters in probabilities:
        after: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        for prefix, (in_blank, in_letter) in prefixes.items():
            after[prefix][0] += (in_blank + in_letter) * blank
            for letter, probability in zip(symbols[1:], letters, strict=True):
                if prefix.endswith(letter):
                    after[prefix][1] += in_letter * probability  # merged with the one before
                    after[prefix + letter][1] += in_blank * probability  # a blank lies between
                else:
                    after[prefix + letter][1] += (in_blank + in_letter) * probability
        prefixes = dict(nlargest(beam_size, after.items(), key=lambda item: sum(item[1])))
    return {prefix: sum(sums) for prefix, sums in prefixes.items()}


class Utterance(NamedTuple):
    """A text as it was said."""

    text: str
    frames: torch.Tensor  # (length, FEATURES)
    spoken: str  # a path: the letter that sounds in each frame, or a blank in a pause


class Voice:
    """Says texts of some letters; `noise` is its standard deviation, that of the sounds is 1."""

    def __init__(self, letters: str, noise: float, seed: int) -> None:
        self.letters, self.noise = letters, noise
        self.choices = random.Random(seed)
        self.numbers = torch.Generator().manual_seed(seed)
        sounds = torch.randn(len(letters), FEATURES, generator=self.numbers)
        self.sounds = {BLANK: torch.zeros(FEATURES), **dict(zip(letters, sounds, strict=True))}

    def say(self, text: str) -> Utterance:
        """Says a text: letters of 1 to 4 frames, pauses of 0 to 3, between equal letters 1 to 3."""
        spoken = BLANK * self.choices.randint(0, 3)
        for letter, following in pairwise(text + BLANK):
            spoken += letter * self.choices.randint(1, 4)
            spoken += BLANK * self.choices.randint(letter == following, 3)
        clean = torch.stack([self.sounds[symbol] for symbol in spoken])
        noise = torch.randn(clean.shape, generator=self.numbers)
        return Utterance(text, clean + self.noise * noise, spoken)

    def say_some(self, count: int) -> list[Utterance]:
        """Says random texts of 2 to 6 letters, with more double letters than by chance."""
        return [self.say(self.invent(self.choices.randint(2, 6))) for _ in range(count)]

    def invent(self, length: int) -> str:
        """Makes up a text."""
        text = ""
        while len(text) < length:
            again = text and self.choices.random() < 1 / 5
            text += text[-1] if again else self.choices.choice(self.letters)
        return text


class Listener(torch.nn.Module):
    """Gives each frame a distribution over the letters and, unless it is ruled out, a blank."""

    def __init__(self, symbols: str, *, blank: bool) -> None:
        super().__init__()
        self.symbols, self.blank = symbols, blank
        self.stack = seq2seq.EncoderStack("lstm", FEATURES, (HIDDEN,), bidirectional=True)
        self.output = torch.nn.Linear(self.stack.output_size, len(symbols))

    def forward(self, utterances: Sequence[Utterance]) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns log-probabilities ``(batch_size, length, symbols)`` and lengths."""
        lengths = torch.tensor([len(each.frames) for each in utterances])
        frames = torch.nn.utils.rnn.pad_sequence(
            [each.frames for each in utterances], batch_first=True
        )
        outputs, _ = self.stack.sequence(frames, lengths)
        logits = self.output(outputs)
        if not self.blank:
            logits[:, :, 0] = IMPOSSIBLE
        return logits.log_softmax(dim=-1), lengths

    def loss(self, utterances: Sequence[Utterance]) -> torch.Tensor:
        """Returns -log P(text) of each utterance, ``(batch_size,)``.

        Without a blank no path collapses to a text with a double letter; the text without its
        repeats is the best that can be written.
        """
        texts = [each.text if self.blank else collapse(each.text) for each in utterances]
        log_probs, lengths = self(utterances)
        return torch.nn.functional.ctc_loss(
            log_probs.transpose(0, 1),  # it takes (length, batch_size, symbols)
            torch.tensor([self.symbols.index(letter) for text in texts for letter in text]),
            lengths,
            torch.tensor([len(text) for text in texts]),
            reduction="none",
        )

    @torch.inference_mode()
    def listen(self, utterances: Sequence[Utterance]) -> list[list[list[float]]]:
        """Returns the probabilities of each utterance's frames, ``(frames, symbols)`` each."""
        log_probs, lengths = self(utterances)
        rows = zip(log_probs.exp(), lengths.tolist(), strict=True)
        return [row[:length].tolist() for row, length in rows]


def train(
    settings: Ctc, training: list[Utterance], validation: list[Utterance], *, blank: bool
) -> Listener:
    """Trains a listener on utterances."""
    torch.manual_seed(settings.seed)
    listener = Listener(BLANK + settings.letters, blank=blank)
    seq2seq.log_line(f"a listener {'with' if blank else 'without'} a blank")
    seq2seq.fit(
        listener,
        training,
        validation,
        listener.loss,
        seq2seq.TrainingSettings(
            epochs=settings.epochs,
            batch_tokens=512,
            learning_rate=1e-2,
            warmup_steps=20,
            precision="float32",
            threads=1,
        ),
        length=lambda utterance: len(utterance.frames),
        seed=settings.seed,
    )
    return listener


def write(listener: Listener, utterances: Sequence[Utterance], beam_size: int = 0) -> list[str]:
    """Returns what the listener writes: by the best path, or by prefix beam search."""
    symbols, heard = listener.symbols, listener.listen(utterances)
    if not beam_size:
        return [collapse(best_path(frames, symbols)) for frames in heard]
    return [next(iter(prefix_beam_search(frames, symbols, beam_size))) for frames in heard]


def shares_right(texts: Sequence[str], written: Sequence[str]) -> dict[str, float]:
    """Returns in percent how many texts have no mistake, by whether they have a double letter."""
    right: dict[str, list[bool]] = {kind: [] for kind in KINDS}
    for text, result in zip(texts, written, strict=True):
        kind = "without double letters" if collapse(text) == text else "with double letters"
        right["all"].append(text == result)
        right[kind].append(text == result)
    return {kind: 100 * fmean(each) for kind, each in right.items()}


def show_paths() -> None:
    """Prints why there is a blank, and what the best path misses."""
    print("A path has a symbol for each frame. Repeats are merged, then blanks (-) left out:")
    for path in ("好好好棒棒棒棒", "好--棒---", "好--棒-棒-"):
        print(f"  {path} is {collapse(path)}")
    print(f"  1100110022200 is {collapse('1100110022200', '0')}, where the blank is 0")
    frames = [[0.6, 0.4], [0.6, 0.4]]
    texts = prefix_beam_search(frames, "-a", beam_size=3)
    print("Two frames, each with 0.6 for the blank and 0.4 for an a:")
    print(f"  the best path is --, of probability {texts['']:.2f}: text {collapse('--')!r}")
    best = next(iter(texts))
    print(f"  a-, -a and aa together have {texts[best]:.2f}: prefix beam search finds {best!r}")


def show_results(
    test: list[Utterance], said: list[Utterance], listeners: dict[str, Listener], beam_size: int
) -> None:
    """Prints how many texts are written without a mistake, and what is written for some."""
    texts = [each.text for each in test]
    print(f"Of {len(texts)} new texts are written without a mistake, in percent:")
    print(f"  {'':38}" + "".join(f"{kind:>24}" for kind in KINDS))
    for name, listener in listeners.items():
        for way, size in (("best path", 0), ("prefix beam search", beam_size)):
            right = shares_right(texts, write(listener, test, size))
            row = f"{name}, {way}"
            print(f"  {row:38}" + "".join(f"{right[kind]:24.1f}" for kind in KINDS))
    for each in said:
        results = (f"{write(x, [each], beam_size)[0]} {name}" for name, x in listeners.items())
        print(f"  said {each.text}, written {', '.join(results)}")


def segments(path: str) -> Iterator[tuple[str, float]]:
    """Yields each letter of a path with the middle of its frames, repeats merged."""
    begin = 0
    for symbol, repeats in groupby(path):
        end = begin + len([*repeats])
        if symbol != BLANK:
            yield symbol, (begin + end - 1) / 2
        begin = end


def spikes_figure(utterance: Utterance, listeners: dict[str, Listener]) -> Any:
    """Draws the frames, and what each listener takes them for (as Graves et al. 2006, figure 1)."""
    heard = {name: each.listen([utterance])[0] for name, each in listeners.items()}
    symbols = next(iter(listeners.values())).symbols
    shown, families = seq2seq.displayable(utterance.text)
    names = {BLANK: "blank", **dict(zip(utterance.text, shown, strict=True))}
    text = {"ha": "center", "va": "center", "fontfamily": families, "parse_math": False}
    figure = seq2seq.new_figure(figsize=(9, 2.4 + 2 * len(listeners)), layout="constrained")
    sounds, *panels = figure.subplots(1 + len(listeners), sharex=True)
    sounds.imshow(utterance.frames.T, cmap="RdBu", aspect="auto", vmin=-3, vmax=3)
    sounds.set_title(f"what is heard, frames of {FEATURES} numbers, and what was said", pad=20)
    sounds.set_yticks([])
    for letter, middle in segments(utterance.spoken):
        sounds.text(middle, -1.5, names[letter], **text)
    for axes, (title, frames) in zip(panels, heard.items(), strict=True):
        for symbol, name in names.items():
            heights = [frame[symbols.index(symbol)] for frame in frames]
            style = {"color": "0.6", "linestyle": "--"} if symbol == BLANK else {}
            axes.plot(heights, label=name, drawstyle="steps-mid", **style)
        for letter, middle in segments(best_path(frames, symbols)):
            axes.text(middle, 1.13, names.get(letter, "?"), **text)
        axes.set_title(f"probabilities {title}, and the letters of the best path")
        axes.set_ylim(0, 1.27)
        axes.set_yticks([0, 0.5, 1])
    panels[-1].set_xlabel("frame")
    legend = panels[0].get_legend_handles_labels()
    figure.legend(*legend, loc="outside right center", prop={"family": families})
    return figure


def main() -> None:
    """Trains with and without the blank, prints what is right, and draws the probabilities."""
    settings = seq2seq.parse_command(Ctc, sys.argv[1:], "python recipes/ctc.py")
    seq2seq.make_figure_folder(settings.plot)
    show_paths()
    voice = Voice(settings.letters, settings.noise, settings.seed)
    training, validation, test = (voice.say_some(n) for n in (settings.texts, 200, 300))
    listeners = {
        f"{name} a blank": train(settings, training, validation, blank=name == "with")
        for name in ("with", "without")
    }
    texts = [x for x in ("好棒", "好棒棒", settings.draw) if set(x) <= set(settings.letters)]
    said = [voice.say(text) for text in dict.fromkeys(texts)]
    show_results(test, said, listeners, settings.beam_size)
    seq2seq.save_figure(spikes_figure(said[-1], listeners), settings.plot)
    print(f"picture: {settings.plot}")


if __name__ == "__main__":
    seq2seq.run_command(main)
