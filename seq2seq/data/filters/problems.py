"""What filters need that is not there, found before any text is read."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from seq2seq.config.filters import FilterSettings
from seq2seq.data.filters.characters import script_problems
from seq2seq.data.filters.language import language_problems


def filter_problems(settings: FilterSettings) -> Iterator[str]:
    """A line for each name that is unknown, and each package that is not installed."""
    needed = {
        "--data.filters.mojibake": ("ftfy", settings.mojibake),
        "--data.filters.source-language": ("py3langid", settings.source_language),
        "--data.filters.target-language": ("py3langid", settings.target_language),
    }
    missing = {flag: name for flag, (name, wanted) in needed.items() if wanted and not there(name)}
    for flag, package in missing.items():
        yield f"{flag} needs the package {package}: pip install {package}"
    for side in ("source", "target"):
        flag = f"--data.filters.{side}"
        yield from script_problems(f"{flag}-script", getattr(settings, f"{side}_script"))
        if f"{flag}-language" not in missing:
            code = getattr(settings, f"{side}_language")
            yield from language_problems(f"{flag}-language", code)


def there(package: str) -> bool:
    """Whether a package is installed."""
    return find_spec(package) is not None
