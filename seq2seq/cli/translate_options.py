"""What ``seq2seq translate`` can be asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from seq2seq.cli.options import DecodingCommand, FileOption, InputArgument, Workers
from seq2seq.config.fields import PositiveInt
from seq2seq.config.symbols import symbol_problems
from seq2seq.data.readers.lines import ending
from seq2seq.data.readers.tables import TABLE_SUFFIXES
from seq2seq.data.tokenizers.normalization import to_nfc


@dataclass(frozen=True)
class Translate(DecodingCommand):
    """Translate a text file, or standard input: a line for each line.

    seq2seq translate runs/mine input.txt > output.txt

    echo "How are you?" | seq2seq translate runs/mine --beam-size 1

    seq2seq translate runs/mine big.txt.gz --out big.out.gz --workers 2
    """

    file: InputArgument = "-"
    """What to translate: a text file (compressed too), or - for standard input."""
    out: FileOption = ""
    """Write to this file instead of standard output, compressed if its name ends so. It is there
    when all is translated. Until then FILE.partial beside it has what is done, and the same command
    goes on with it, whatever has stopped it: no line is lost or doubled."""
    workers: Workers = 0
    """With --out: so many processes translate, each with one thread. The output does not depend on
    how many. 0: this process, with its threads."""
    restart: bool = False
    """With --out: begin anew, and replace what is there."""
    json: bool = False
    """Print JSON lines: each translation with its tokens, log-probability and score, which is the
    log-probability after the penalties for length and coverage (for mbr the mean utility)."""
    pairs: bool = False
    """Write pairs to learn from: a table of source and translation with a header, TSV, or JSON
    lines if --out ends in .jsonl. For back-translation add --reverse or --tag."""
    scores: bool = False
    """With --pairs: a third column, the log-probability of the translation."""
    reverse: bool = False
    """With --pairs: the translation is the source, and the line the target, to learn the other
    direction (back-translation)."""
    tag: str = ""
    """What to put before each line: the tag of a corpus, as "<2fr>", of a model with several. With
    --pairs it marks back-translations, as "<BT>": the translation is the source (--reverse), with
    the tag before it, which the model does not see. A mix that has this tag for the file puts it
    there itself: give it in one place."""
    n_best: PositiveInt = 1
    """If above 1: print the best translations of each line, at most so many, as JSON lines, or as
    pairs with --pairs; the beam is as wide."""
    prefix: FileOption = ""
    """A file with what each line's translation begins with; an empty line for nothing."""
    terms: FileOption = ""
    """An expert's terminology, a table of two columns: a source term, a tab, its translation. Each
    time a term is in a line, as whole words, its translation is in the output, as written (Post &
    Vilar 2018); of terms that overlap, the longest. In lower case a term stands for the word in any
    case, else as written. Where --beam-size is too small for a line's terms, it is widened; how
    many came out, and which did not, is printed on stderr."""
    alignment: bool = False
    """Add a tab and the pairs of words that attention aligns, as 0-0 1-2: numbers from 0 of what
    stands between spaces, source first. In JSON, a list of pairs."""
    attention: Annotated[str, tyro.conf.arg(metavar="DIR")] = ""
    """Draw the attention of each line's best translation in this folder: 00001.png, … (an
    empty line has none). In JSON, its weights: a row for each token and one for <eos>, a column for
    each source token and one for <eos>."""

    @property
    def translation_is_source(self) -> bool:
        """Whether pairs teach the other direction."""
        return self.reverse or bool(self.tag)

    @property
    def pairs_format(self) -> str:
        """The format of pairs: ".tsv" or ".jsonl"; another ending of --out is refused."""
        return ending(Path(self.out).name, TABLE_SUFFIXES) or ".tsv"

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        yield from super().problems()
        if self.out and self.file == "-":
            yield "--out needs a FILE to translate: a job that goes on can't read a pipe again"
        for option, value in (("--workers", self.workers), ("--restart", self.restart)):
            if value and not self.out:
                yield f"{option} needs --out FILE"
        for option, value in (("--scores", self.scores), ("--reverse", self.reverse)):
            if value and not self.pairs:
                yield f"{option} has no effect without --pairs"
        for name in ("prefix", "terms", "attention"):
            if self.out and getattr(self, name):
                yield f"--{name} can't be used with --out: redirect the output instead"
        if not self.pairs:
            return
        for name in ("json", "alignment", "attention"):
            if getattr(self, name):
                yield f"--{name} can't be used with --pairs"
        if self.pairs_format not in (".tsv", ".jsonl"):
            yield f"--out {self.out}: pairs are written to .tsv or .jsonl, compressed or not"
        if self.tag:
            yield from symbol_problems((to_nfc(self.tag),), "--tag")
