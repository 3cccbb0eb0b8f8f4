"""Models by name on the Hugging Face Hub: ``hf://user/name``, and ``hf://user/name@revision``.

A plain string is always a path: a mistyped folder must not fetch a stranger's model. Of a model on
the Hub, the files that a run or an export consists of are fetched, by their names and up to a size;
what is in them is verified where they are read, as on a disk. They lie in the cache of
`huggingface_hub`, and its environment variables hold: HF_HOME, HF_TOKEN, HF_HUB_OFFLINE, …
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from seq2seq.config.wording import counted
from seq2seq.console import write_stderr
from seq2seq.errors import RunError, SettingsError
from seq2seq.runs.directory import EXPORT_DESCRIPTION, HUB_PREFIX, SIDES, TEXT_SIDE, RunDirectory
from seq2seq.runs.files import MAX_FILE_BYTES, MAX_JSON_BYTES

MAX_MODEL_BYTES = 2**32
"""More bytes no file of weights has that is fetched: 4 GiB."""
_RUN = RunDirectory("")
DESCRIPTIONS = (_RUN.experiment.name, EXPORT_DESCRIPTION)
"""Of a run, and of an export: a model on the Hub has one of them."""
FILES = {
    **dict.fromkeys(DESCRIPTIONS, MAX_JSON_BYTES),
    **{
        path.name: MAX_FILE_BYTES
        for side in (*SIDES, TEXT_SIDE)
        for path in (_RUN.tokenizer(side), _RUN.vocab(side))
    },
    **{path.name: MAX_MODEL_BYTES for path in (_RUN.best, _RUN.ngrams, _RUN.shortlist)},
    **dict.fromkeys(("encoder.onnx", "step.onnx"), MAX_MODEL_BYTES),
}
"""What is fetched and pushed of runs and exports, and the most bytes that each may have."""
CARD = "README.md"
"""The model card, which the Hub shows."""
LOG_IN = "log in with hf auth login, or set HF_TOKEN"
_TIMEOUT = 10.0
"""So many seconds the Hub has to answer, before what was fetched earlier is used."""
_PART = r"[A-Za-z0-9_](?:[\w.-]*[A-Za-z0-9_])?"
_REPOSITORY = re.compile(rf"{_PART}/{_PART}", re.ASCII)
_REVISION = re.compile(r"\w[\w./-]*", re.ASCII)


class HubWarning(UserWarning):
    """The Hub can't be reached, and what was fetched before is used."""


class HubName(NamedTuple):
    """A model on the Hub.

    Attributes:
        repository: as "user/name".
        revision: a branch, a tag or a commit; None: the newest of the main branch.
    """

    repository: str
    revision: str | None = None


def check_repository(name: str) -> str:
    """Returns a name on the Hub; raises SettingsError if it can't be one."""
    wrong = "--" in name or ".." in name or name.endswith(".git") or len(name) > 96
    if wrong or not _REPOSITORY.fullmatch(name):
        raise SettingsError(
            f"{name!r} is no name of a model on the Hub: it is user/name, of letters, digits, "
            "'-', '_' and '.'"
        )
    return name


def is_revision(name: str) -> bool:
    """Whether this can be a branch, a tag or a commit."""
    return ".." not in name and _REVISION.fullmatch(name) is not None


def parse_location(location: str) -> HubName:
    """Returns what a location on the Hub names.

    >>> parse_location("hf://user/name"), parse_location("hf://user/name@v1")
    (HubName(repository='user/name', revision=None), HubName(repository='user/name', revision='v1'))

    Raises:
        SettingsError: it can't be one.
    """
    repository, at, revision = location.removeprefix(HUB_PREFIX).partition("@")
    try:
        check_repository(repository)
    except SettingsError as error:
        raise SettingsError(f"{location}: {error}") from error
    if at and not is_revision(revision):
        raise SettingsError(
            f"{location}: {revision!r} is no revision: give a branch, a tag or a commit after @"
        )
    return HubName(repository, revision or None)


def is_hub_location(location: object) -> bool:
    """Whether this is a model on the Hub; all else is a path."""
    return isinstance(location, str) and location.startswith(HUB_PREFIX)


def resolve(location: str | Path) -> str | Path:
    """Returns the directory of a run or an export; a path is returned as it is.

    A model on the Hub is fetched where its files are not in the cache yet. With HF_HUB_OFFLINE, or
    where the Hub can't be reached (with a warning), the cache must have it.

    Raises:
        SettingsError: it is no name of a model.
        RunError: there is no such model or revision, it is private, it is not of this kind, a file
            is too large; or it can't be had.
    """
    if not isinstance(location, str) or not is_hub_location(location):
        return location
    name = parse_location(location)
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.utils import OfflineModeIsEnabled

    unreachable, fetches = None, False
    try:
        info = HfApi().model_info(
            name.repository, revision=name.revision, files_metadata=True, timeout=_TIMEOUT
        )
        sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
        check_files(location, sizes)
        fetches = report_missing(location, name.repository, str(info.sha), sizes)
    except RunError:
        raise
    except Exception as error:  # what huggingface_hub and its network client raise
        if reason := refusal(error, name):
            raise RunError(f"{location}: {reason}") from error
        unreachable = error
    try:
        with progress_bars(fetches):
            folder = snapshot_download(
                name.repository,
                revision=name.revision,
                allow_patterns=[*FILES],
                local_files_only=unreachable is not None,
            )
    except Exception as error:
        first = unreachable or error
        raise RunError(
            f"{location} can't be fetched, and is not in the cache: {first_line(first)}"
        ) from first
    if unreachable is not None and not isinstance(unreachable, OfflineModeIsEnabled):
        warnings.warn(
            f"{location}: the Hub can't be reached ({first_line(unreachable)}); what was fetched "
            "before is used",
            HubWarning,
            stacklevel=2,
        )
    return Path(folder)


def report_missing(location: str, repository: str, commit: str, sizes: dict[str, int]) -> bool:
    """Says what is to be fetched of a version of a model; returns whether there is anything."""
    from huggingface_hub import try_to_load_from_cache

    missing = [
        name
        for name in FILES.keys() & sizes.keys()
        if not isinstance(try_to_load_from_cache(repository, name, revision=commit), str)
    ]
    if missing:
        size = sum(sizes[name] for name in missing) / 1e6
        write_stderr(f"fetching {location}: {counted(len(missing), 'file')}, {size:.1f} MB")
    return bool(missing)


def check_files(location: str, sizes: dict[str, int]) -> None:
    """Raises RunError unless a repository has a run or an export, whose files may be fetched.

    `sizes` are those of its files, in bytes, by name.
    """
    if not sizes.keys() & {*DESCRIPTIONS}:
        raise RunError(
            f"{location} is no model of seq2seq: it has neither {' nor '.join(DESCRIPTIONS)}"
        )
    for name, largest in FILES.items():
        if sizes.get(name, 0) > largest:
            raise RunError(
                f"{location} is not fetched: its {name} has {sizes[name]:,} bytes, more than the "
                f"{largest:,} that such a file may have"
            )


def upload(
    folder: Path, repository: str, *, revision: str | None, private: bool, message: str
) -> str:
    """Uploads the files of a folder as one version of a model, which is made if there is none.

    What an earlier version has of runs and exports, and this one has not, is deleted.

    Args:
        folder: the files, and the card.
        repository: as "user/name".
        revision: a branch, which is made if there is none; None: the main one.
        private: whether a new model can be seen by its owners alone.
        message: what is said of the version.

    Returns:
        The address of the model.

    Raises:
        RunError: the Hub refuses it, or can't be reached; the model is public, and was to be
            private.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    try:
        visibility = {"private": True} if private else {}
        address = api.create_repo(repository, exist_ok=True, **visibility)
        if private and not api.model_info(repository, timeout=_TIMEOUT).private:
            raise RunError(
                f"{repository} is there already, and public: make it private in its settings on "
                "the Hub, or leave out --private"
            )
        if revision:
            api.create_branch(repository, branch=revision, exist_ok=True)
        with progress_bars():
            api.upload_folder(
                repo_id=repository,
                folder_path=folder,
                revision=revision,
                commit_message=message,
                delete_patterns=[*FILES],
            )
    except RunError:
        raise
    except Exception as error:  # what huggingface_hub and its network client raise
        reason = refusal(error, HubName(repository, revision)) or first_line(error)
        raise RunError(f"{repository} was not pushed: {reason}") from error
    return str(address)


def refusal(error: BaseException, name: HubName) -> str:
    """Returns what the Hub's refusal means; "" if it is something else, as a missing network."""
    from huggingface_hub.utils import (
        GatedRepoError,
        HfHubHTTPError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    error = said_by_hub(error)
    if isinstance(error, GatedRepoError):
        return "its owner asks for consent on its page on the Hub: give it there, and log in"
    if isinstance(error, RepositoryNotFoundError):
        return f"there is no such model on the Hub; or it is private: then {LOG_IN}"
    if isinstance(error, RevisionNotFoundError):
        return f"the model has no revision {name.revision or 'main'}"
    if isinstance(error, HfHubHTTPError) and error.response.status_code in (401, 403):
        return (
            f"the Hub does not take the token, or it may not do this: {LOG_IN} to one that may "
            f"({first_line(error)})"
        )
    return ""


def said_by_hub(error: BaseException) -> BaseException:
    """Returns of an error and its causes what the Hub answered, or else the last cause."""
    from huggingface_hub.utils import HfHubHTTPError

    while error.__cause__ is not None and not isinstance(error, HfHubHTTPError):
        error = error.__cause__
    return error


def first_line(error: BaseException) -> str:
    """Returns the first line of what the Hub answered, or of the last cause, after its kind."""
    error = said_by_hub(error)
    lines: Iterable[str] = (line.strip() for line in str(error).splitlines())
    return f"{type(error).__name__}: {next(filter(None, lines), 'no reason is given')}"


@contextmanager
def progress_bars(shown: bool = True) -> Iterator[None]:
    """Has `huggingface_hub` draw its progress bars where they are to be shown, on a terminal."""
    from huggingface_hub.utils import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    shown = shown and sys.stderr is not None and sys.stderr.isatty()
    switch = not shown and not are_progress_bars_disabled()
    if switch:
        disable_progress_bars()
    try:
        yield
    finally:
        if switch:
            enable_progress_bars()
