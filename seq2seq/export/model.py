"""A model that was exported to ONNX, step by step on arrays: what a search needs of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seq2seq.errors import RunError, SettingsError

Array: TypeAlias = NDArray[Any]


class ExportedState(NamedTuple):
    """What the model carries from step to step, by the names of the files' inputs.

    Attributes:
        rows: a row for each hypothesis, equally many for each sentence, one after the other.
        sentences: a row for each sentence.
    """

    rows: Mapping[str, Array]
    sentences: Mapping[str, Array]

    def select(self, rows: Array, sentences: Array | None) -> ExportedState:
        """Returns some rows, in the given order; of these sentences, or of all as before."""
        kept = self.sentences
        if sentences is not None:
            kept = {name: values[sentences] for name, values in kept.items()}
        return ExportedState({name: values[rows] for name, values in self.rows.items()}, kept)


class Step(NamedTuple):
    """What a step says of the next token.

    Attributes:
        values: the highest log-probabilities, ``(rows, count)``, the best first.
        tokens: whose they are, ``(rows, count)``.
        wanted: the log-probabilities of the wanted tokens, shaped as these.
        attention: ``(rows, source_length)``, zero on pads; None if it was not asked for.
    """

    values: Array
    tokens: Array
    wanted: Array
    attention: Array | None


class ExportedModel:
    """The two graphs of a model, `start` and `step`, computed by ONNX Runtime on the CPU.

    Args:
        encoder: the bytes of encoder.onnx.
        step: the bytes of step.onnx.
        where: the export that they are of, for errors.

    Attributes:
        has_attention: whether a step can give its attention.

    Raises:
        SettingsError: onnxruntime is not installed.
        RunError: a graph can't be computed, or they don't belong together.
    """

    def __init__(self, encoder: bytes, step: bytes, *, where: Path) -> None:
        self.where = where
        self.encoder = open_session(encoder, where)
        self.decoder = open_session(step, where)
        outputs = [each.name for each in self.decoder.get_outputs()]
        self.state_names = [each.name for each in self.encoder.get_outputs()]
        self.next_names = [name for name in outputs if name.startswith("next.")]
        self.has_attention = "attention" in outputs
        given = {each.name for each in self.decoder.get_inputs()} - {"tokens", "wanted", "count"}
        begun = {f"next.{name}" for name in self.state_names}
        if given != {*self.state_names} or not {*self.next_names} <= begun:
            raise RunError(f"{where}: the encoder and the step are not of one model")

    def start(self, source: Array, lengths: Array) -> ExportedState:
        """Returns the state before bos.

        Args:
            source: ids ``(sentences, source_length)``, each row ended by eos.
            lengths: of the rows, ``(sentences,)``, eos counted.
        """
        inputs = {"source": source, "lengths": lengths}
        found = self._run(self.encoder, self.state_names, inputs)
        parts: tuple[dict[str, Array], dict[str, Array]] = {}, {}
        for name, values in zip(self.state_names, found, strict=True):
            parts[name.startswith("sentence.")][name] = values
        return ExportedState(*parts)

    def step(
        self,
        tokens: Array,
        state: ExportedState,
        wanted: Array,
        *,
        count: int,
        attention: bool = False,
    ) -> tuple[Step, ExportedState]:
        """Takes one step, and returns the state after it, too.

        Args:
            tokens: the previous ones, ``(rows,)``.
            state: before them.
            wanted: of which tokens the log-probability is asked for, ``(rows, any number)``.
            count: of how many of the most probable tokens, too.
            attention: whether its weights are asked for.
        """
        names = ["top.values", "top.tokens", "wanted.values", *self.next_names]
        inputs = {"tokens": tokens, "wanted": wanted, "count": np.array([count])}
        found = self._run(
            self.decoder,
            [*names, *(["attention"] if attention else [])],
            {**inputs, **state.rows, **state.sentences},
        )
        values, best, asked, *rest = found
        after = zip(self.next_names, rest, strict=False)
        rows = {**state.rows, **{name.removeprefix("next."): each for name, each in after}}
        step = Step(values, best, asked, rest[-1] if attention else None)
        return step, state._replace(rows=rows)

    def _run(self, session: Any, names: Sequence[str], inputs: Mapping[str, Array]) -> list[Array]:
        try:
            found: list[Array] = session.run(names, inputs)
        except Exception as error:  # ONNX Runtime's own classes share no base
            raise RunError(f"{self.where} can't be computed: {error}") from error
        return found


def open_session(data: bytes, where: Path) -> Any:
    """Returns a session of ONNX Runtime that computes a graph; see `ExportedModel`."""
    try:
        import onnxruntime
    except ImportError as error:
        raise SettingsError(
            "an exported model needs ONNX Runtime: pip install onnxruntime"
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # a search of several batches has more
    options.log_severity_level = 4  # errors are raised, and need not be printed, too
    options.enable_mem_pattern = False  # which keeps a plan for each shape that there has been
    # Whatever the bytes look like: they were checked as that.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        return onnxruntime.InferenceSession(
            data, options, providers=["CPUExecutionProvider"], enable_fallback=0
        )
    except Exception as error:  # likewise
        raise RunError(f"{where} can't be loaded: {error}") from error
