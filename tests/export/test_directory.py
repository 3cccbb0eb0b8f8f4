"""An export on disk: written whole, read by nobody who has not verified it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from seq2seq.config.decoding import DecodingSettings
from seq2seq.config.experiment import Experiment
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.data.tokenizers.rule_based import SpaceTokenizer
from seq2seq.data.vocabulary import Vocab
from seq2seq.errors import DataError, RunError, SettingsError
from seq2seq.export.directory import FILES, Export, open_export
from seq2seq.export.operators import find_operators
from seq2seq.export.write import write_export
from tests.support.models import Build, attentive
from tests.support.tampering import redescribe_export, replace_in_export


def pipeline(letters: str) -> TextPipeline:
    return TextPipeline(SpaceTokenizer(), Vocab.build([[*letters]]))


SIDES = pipeline("abcdefg"), pipeline("nopqrstuv")


@pytest.fixture
def export(tiny_model: Build, tmp_path: Path) -> Path:
    """An export of a tiny model."""
    path = tmp_path / "export"
    write_export(path, attentive(tiny_model), SIDES, Experiment(tokenize="intl"))
    return path


def use(path: Path) -> None:
    """Loads all that there is."""
    opened = Export(path)
    opened.pipelines()
    opened.load_model()


def test_what_an_export_consists_of(export: Path) -> None:
    assert {path.name for path in export.iterdir()} == {*FILES, "export.json"}
    use(export)
    opened = Export(export)
    assert opened.experiment().tokenize == "intl"
    assert opened.pipelines()[1].vocab == SIDES[1].vocab
    assert open_export(export) is not None
    assert open_export(opened) is opened
    assert open_export(export.parent) is None


def test_it_names_no_place_and_nobody(export: Path, tmp_path: Path) -> None:
    import getpass
    import platform

    for path in export.iterdir():
        data = path.read_bytes()
        for word in (str(tmp_path), str(Path.cwd()), "pytest", "/tmp"):
            assert word.encode() not in data
    described = (export / "export.json").read_text()  # weights may have any two letters
    assert not [name for name in (platform.node(), getpass.getuser()) if f'"{name}"' in described]


def test_an_export_can_be_moved(export: Path, tmp_path: Path) -> None:
    use(Path(shutil.move(export, tmp_path / "elsewhere")))


@pytest.mark.parametrize("name", [*FILES, "export.json"])
def test_every_damaged_file_is_named(export: Path, name: str) -> None:
    data = (export / name).read_bytes()
    middle = len(data) // 2
    flipped = bytes([data[middle] ^ 1])
    for other in (data[:-2], data + b"\n", b"", data[:middle] + flipped + data[middle + 1 :]):
        if name == "export.json" and other == data + b"\n":
            continue  # the white space of a description is no part of it
        (export / name).write_bytes(other)
        with pytest.raises(RunError, match=name.replace(".", r"\.")):
            use(export)
    (export / name).unlink()
    with pytest.raises(RunError, match=f"{name} is missing"):
        use(export)


def test_another_version_is_told(export: Path) -> None:
    redescribe_export(export, lambda values: values.update(format="seq2seq export 2"))
    with pytest.raises(RunError, match="seq2seq export 2 was written by another version"):
        Export(export)
    redescribe_export(export, lambda values: values.update(format="something"))
    with pytest.raises(RunError, match=r"not a description of the format 'seq2seq export 1'$"):
        Export(export)


WRONG: list[Callable[[dict[str, Any]], object]] = [
    lambda values: values.pop("files"),
    lambda values: values["files"].pop("step.onnx"),
    lambda values: values["files"]["step.onnx"].update(bytes="many"),
    lambda values: values["files"]["step.onnx"].update(bytes=10**400),
    lambda values: values.update(files=["step.onnx"]),
    lambda values: values.update(experiment=3),
    lambda values: values["experiment"].update(decoding={"beam_size": 0}),
    lambda values: values["experiment"].update(decoding={"no_setting": 0}),
]


@pytest.mark.parametrize("change", WRONG)
def test_impossible_descriptions_are_refused(
    export: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    redescribe_export(export, change)
    with pytest.raises(RunError, match=r"export\.json|step\.onnx"):
        use(export)


def graph_with(node: onnx.NodeProto, **changes: Any) -> bytes:
    """An ONNX model of one node."""
    sides = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    weight = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    graph = helper.make_graph([node], "g", sides[:1], sides[1:], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], **changes)
    return model.SerializeToString()


def with_outside_weight() -> bytes:
    model = onnx.load_from_string(graph_with(helper.make_node("Add", ["x", "w"], ["y"])))
    weight = model.graph.initializer[0]
    weight.ClearField("float_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="/etc/passwd")
    return model.SerializeToString()


def nested(depth: int) -> onnx.NodeProto:
    node = helper.make_node("Add", ["x", "w"], ["y"])
    for _ in range(depth):
        graph = helper.make_graph([node], "g", [], [])
        node = helper.make_node("Scan", ["x"], ["y"], body=graph, num_scan_inputs=1)
    return node


function = helper.make_function("own", "f", ["x"], ["y"], [], [helper.make_opsetid("", 17)])
FOREIGN = {
    "another operator": graph_with(helper.make_node("Loop", ["x"], ["y"])),
    "another domain": graph_with(helper.make_node("Add", ["x", "w"], ["y"], domain="com.me")),
    "an input that lacks": graph_with(helper.make_node("Add", ["x", "w", ""], ["y"])),
    "one in a body": graph_with(
        helper.make_node(
            "Scan",
            ["x"],
            ["y"],
            body=helper.make_graph([helper.make_node("If", ["x"], ["y"])], "g", [], []),
            num_scan_inputs=1,
        )
    ),
    "bodies in bodies": graph_with(nested(6)),
    "functions": graph_with(helper.make_node("Add", ["x", "w"], ["y"]), functions=[function]),
    "weights elsewhere": with_outside_weight(),
    "a tensor in a node": graph_with(
        helper.make_node(
            "Add", ["x", "w"], ["y"], value=helper.make_tensor("t", TensorProto.FLOAT, [1], [1])
        )
    ),
    "text": b"this is no model",
    "nothing but zeros": bytes(100),
    "a number where a graph should be": b"\x38\x01",
    "a group": b"\x0b\x0c",
    "an endless number": b"\x80" * 20,
    "cut short": graph_with(helper.make_node("Add", ["x", "w"], ["y"]))[:-3],
    "another format of the runtime": b"\x08\x08\x12\x04ORTM",
}


@pytest.mark.parametrize("data", FOREIGN.values(), ids=FOREIGN)
def test_a_file_that_does_more_is_not_loaded(export: Path, data: bytes) -> None:
    """Even with its right checksum; before ONNX Runtime sees it."""
    if b"ORTM" not in data:
        with pytest.raises(DataError, match="not an ONNX model"):
            find_operators(data)
    replace_in_export(export, "step.onnx", data)
    with pytest.raises(RunError, match=r"export.*(not an ONNX model|can't be loaded)"):
        use(export)


def test_files_of_different_models_are_told(
    export: Path, tiny_model: Build, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    write_export(other, attentive(tiny_model, coverage=True), SIDES, Experiment())
    replace_in_export(export, "encoder.onnx", (other / "encoder.onnx").read_bytes())
    with pytest.raises(RunError, match="the encoder and the step are not of one model"):
        use(export)


def test_what_cant_be_computed_is_an_error(export: Path, tiny_model: Build, tmp_path: Path) -> None:
    wider = attentive(tiny_model, decoder_sizes=(8, 9, 8))
    narrow = attentive(tiny_model, decoder_sizes=(8, 7, 8))
    for name, model in {"encoder.onnx": wider, "step.onnx": narrow}.items():
        write_export(tmp_path / name, model, SIDES, Experiment())
        replace_in_export(export, name, (tmp_path / name / name).read_bytes())
    model = Export(export).load_model()
    state = model.start(np.array([[4, 3]]), np.array([2]))
    with pytest.raises(RunError, match="can't be computed"):
        model.step(np.array([2]), state, np.array([[3]]), count=1)
    with pytest.raises(RunError, match="can't be computed"):
        model.start(np.array([[400, 3]]), np.array([2]))


def test_only_an_export_is_replaced(export: Path, tiny_model: Build, tmp_path: Path) -> None:
    def write(path: Path, **options: bool) -> None:
        write_export(path, attentive(tiny_model), SIDES, Experiment(), **options)

    with pytest.raises(
        RunError, match="is an export already: give another --out, or replace it with"
    ):
        write(export)
    write(export, overwrite=True)
    (export / "export.json").unlink()  # as if it had been stopped
    (export / "step.onnx.tmp").touch()
    write(export)
    use(export)
    (export / "notes.txt").touch()
    with pytest.raises(RunError, match="something that is not an export, which is never deleted"):
        write(export, overwrite=True)
    with pytest.raises(RunError, match="is a file"):
        write(export / "notes.txt")


def test_settings_that_an_export_cant_follow_are_left_out(
    tiny_model: Build, tmp_path: Path
) -> None:
    sampling = DecodingSettings(method="sample", temperature=0.5, seed=3, beam_size=2)
    write_export(tmp_path / "a", attentive(tiny_model), SIDES, Experiment(decoding=sampling))
    assert Export(tmp_path / "a").experiment().decoding == DecodingSettings(beam_size=2)


def test_a_path_that_is_none_is_told() -> None:
    with pytest.raises(SettingsError, match="give the path"):
        Export("")
