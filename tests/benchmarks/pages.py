"""A page's JavaScript beside torch and ONNX Runtime: how quick it is, and whether it says the same.

    python -m tests.benchmarks.pages RUN TEXT
    python -m tests.benchmarks.pages RUN TEXT --sentences 100 --speed 20 --chromium

Sentences are translated one by one, by one thread, with a beam of 1 and of 5. The translations of
JavaScript are compared with those of ONNX Runtime in int8, which has the same whole numbers; its
functions of float32 have other last digits. Where a number then comes out on the other side of a
half, a whole number differs by one. How much that moves the log-probability of the same tokens is
printed, and beside each translation that differs by how much it is behind: of a greedy search where
it parts, of a beam in its score. Two tokens, or two hypotheses, are then all but equally good.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch

from seq2seq.config.decoding import DecodingSettings
from seq2seq.config.experiment import Experiment
from seq2seq.data.readers.lines import read_sentences
from seq2seq.data.vocabulary import EOS_ID
from seq2seq.decoding.hypothesis import Hypothesis, length_penalty
from seq2seq.decoding.search import search
from seq2seq.export.about import About
from seq2seq.export.ensemble import ExportedEnsemble
from seq2seq.export.html import Content, page
from seq2seq.export.search import score as score_exported
from seq2seq.export.search import search as search_exported
from seq2seq.runs.run import Run
from seq2seq.translation.ensemble import load_translation_model
from tests.benchmarks.javascript import Chromium, Engine, Node
from tests.benchmarks.measure import Contestant, make_parser, print_rows, take_turns
from tests.support.exports import exported_ensemble

CPU = torch.device("cpu")

GROUP = 50
"""Lines of one request; a browser's driver waits two minutes for an answer."""

PROGRAM = """
let model = null;
/** The model is loaded by the first request; of the others each is a list of lines. */
async function answer({ parts, lines, beamSize }) {
  if (parts) model = await readModel(...parts);
  return (lines ?? []).map((line) => {
    const { sourceTokens, candidates } = translate(model, line, beamSize);
    const [{ tokens, text, logProbability }] = [...candidates, { tokens: [], text: "" }];
    return [sourceTokens, tokens, text, logProbability];
  });
}
"""


class Material(NamedTuple):
    """What is translated, and by what.

    Attributes:
        lines: sentences.
        tokens: of each.
        sources: their ids.
    """

    loaded: Any
    settings: DecodingSettings
    int8: ExportedEnsemble
    lines: list[str]
    tokens: list[list[str]]
    sources: list[list[int]]

    def search_int8(self, beam: int) -> list[Hypothesis]:
        """Returns the best hypothesis of each sentence."""
        settings = replace(self.settings, beam_size=beam)
        found = search_exported(self.int8, [self.sources], settings)
        return [hypotheses[0] for hypotheses in found]

    def score(self, number: int, ids: list[int]) -> list[float]:
        """Returns the log-probability of each token of a translation, and of eos."""
        source = self.sources[number]
        (found,) = score_exported(self.int8, [[source]], [ids], batch_size=1, batch_tokens=10_000)
        return found

    def rank(self, values: list[float]) -> float:
        """Returns the score that a search ranks a translation by."""
        return sum(values) / length_penalty(len(values), self.settings.length_penalty)


def compare(material: Material, engine: Engine, beam: int) -> None:
    """Prints how many translations are equal, and what there is to say of the others."""
    groups = [material.lines[at : at + GROUP] for at in range(0, len(material.lines), GROUP)]
    found = [each for lines in groups for each in engine.ask({"lines": lines, "beamSize": beam})]
    assert [tokens for tokens, *_ in found] == material.tokens, "sources are cut otherwise"
    expected = material.search_int8(beam)
    targets = [hypothesis.tokens for hypothesis in expected]
    pairs = list(zip(found, expected, strict=True))
    different = [number for number, (each, best) in enumerate(pairs) if each[1] != best.tokens]
    same = (pair for pair in pairs if pair[0][1] == pair[1].tokens)
    noise = sorted(abs(each[3] - best.log_probability) for each, best in same) or [0.0]
    print(
        f"beam {beam}: {1 - len(different) / len(found):.2%} of {len(found):,} translations are "
        f"equal; log-probabilities of the same tokens differ by a median of "
        f"{statistics.median(noise):.0e}, one in a hundred by {noise[-1 - len(noise) // 100]:.0e}"
    )
    for number in different:
        mine, other = (material.score(number, ids) for ids in (targets[number], found[number][1]))
        both = zip([*targets[number], EOS_ID], [*found[number][1], EOS_ID], strict=False)
        place = next(place for place, (one, two) in enumerate(both) if one != two)
        print(
            f"  {number + 1}: by ONNX Runtime {mine[place] - other[place]:.1e} less at token "
            f"{place + 1}; its score is {material.rank(mine) - material.rank(other):.1e} less"
        )
        print(f"    {material.loaded.target.decode(targets[number])}\n    {found[number][2]}")


def measure(material: Material, engines: dict[str, Engine], arguments: argparse.Namespace) -> None:
    """Prints sentences a second of all that translate."""
    loaded, count = material.loaded, arguments.speed
    lines, sources = material.lines[:count], material.sources[:count]
    exports = {"ONNX, float32": exported_ensemble(loaded.model), "ONNX, int8": material.int8}

    def translating(translate: Callable[..., object], *given: Any) -> Contestant:
        def work(_: int) -> float:
            translate(*given)
            return float(count)

        return work

    for beam in arguments.beams:
        settings = replace(material.settings, beam_size=beam, batch_size=1)
        contestants = {"torch": translating(search, [loaded.model], [sources], settings, CPU)}
        for name, model in exports.items():
            contestants[name] = translating(search_exported, model, [sources], settings)
        for name, engine in engines.items():
            asked = {"lines": lines, "beamSize": beam}
            contestants[f"{name}, int8"] = translating(engine.ask, asked)
        title = f"beam {beam}, sentences one by one, one thread"
        print_rows(take_turns(title, "sentences/s", contestants, arguments.rounds), {})


def read_material(run: str, text: str, count: int) -> tuple[Material, Content]:
    """Loads a run, and the first sentences of a file."""
    opened = Run(run)
    loaded, settings = load_translation_model(opened), opened.experiment(Experiment).decoding
    lines = list(read_sentences(Path(text)))[:count]
    tokens = loaded.source.tokenizer.tokenize_all(lines)
    ids = [loaded.source.vocab.ids(each) for each in tokens]
    int8 = exported_ensemble(loaded.model, int8=True)
    content = Content(loaded.model, (loaded.source, loaded.target), opened.experiment(Experiment))
    return Material(loaded, settings, int8, lines, tokens, ids), content


def main() -> None:
    """Measures, compares, prints."""
    parser = make_parser("pages", __doc__)
    parser.add_argument("run", help="the run of a translation model")
    parser.add_argument("text", help="a file of source sentences")
    parser.add_argument("--sentences", type=int, default=1000, help="so many are compared")
    parser.add_argument("--beams", type=int, nargs="+", default=[1, 5], help="beam sizes")
    parser.add_argument("--speed", type=int, default=50, help="so many are measured")
    parser.add_argument("--rounds", type=int, default=3, help="how often each takes its turn")
    parser.add_argument("--chromium", action="store_true", help="in Chromium, too")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    material, content = read_material(arguments.run, arguments.text, arguments.sentences)
    parts = content.embed(About())
    print(f"a page has {len(page(content, About())):,} bytes")
    engines: dict[str, Engine] = {"node": Node(PROGRAM)}
    if arguments.chromium:
        engines["Chromium"] = Chromium(PROGRAM)
    for engine in engines.values():
        engine.ask({"parts": parts})
    measure(material, engines, arguments)
    for name, engine in engines.items():
        print(f"\n{name} against ONNX Runtime, both in int8")
        for beam in arguments.beams:
            compare(material, engine, beam)
        engine.close()


if __name__ == "__main__":
    main()
