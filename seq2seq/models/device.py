"""Which device to compute on, in which precision, and with how many threads after a fork."""

from __future__ import annotations

import os
from collections.abc import Iterator

import torch

from seq2seq.errors import SettingsError

_process = os.getpid()
"""The process whose threads torch uses: the one that loaded this file, until a fork is noticed."""


def use_one_thread_after_fork() -> None:
    """Makes torch compute with one thread in a forked child, which would wait for ever with more.

    OpenMP's threads do not survive a fork, and the child does not know. A process that was not
    forked, or was started anew (spawned), keeps its number of threads.
    """
    global _process
    if os.getpid() != _process:
        torch.set_num_threads(1)
        _process = os.getpid()


def choose_device(name: str) -> torch.device:
    """Returns the device of that name; "auto" takes CUDA, then Apple's MPS, then the CPU.

    Raises:
        SettingsError: a device is asked for that this machine or this torch does not have.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(kind for kind, there in available.items() if there))
    if not available.get(name, False):
        there = ", ".join(kind for kind, found in available.items() if found)
        raise SettingsError(f"device {name} is not available here; there is {there} (or auto)")
    return torch.device(name)


def seed_device(seed: int, device: torch.device) -> None:
    """Seeds what is drawn on a device and on the CPU, as `torch.manual_seed` does.

    That seeds every kind of device there is, before each update, which takes longer.
    """
    torch.default_generator.manual_seed(seed)
    if device.type != "cpu":
        torch.get_device_module(device).manual_seed(seed)


def missing_gpus(device: torch.device, processes: int) -> Iterator[str]:
    """A line if there are fewer GPUs than processes, each of which computes on one of its own."""
    if device.type == "cuda" and torch.cuda.device_count() < processes:
        yield (
            f"there are {torch.cuda.device_count()} GPUs for {processes} processes on this "
            "machine: start as many as GPUs, torchrun --nproc-per-node gpu"
        )


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """Returns the type of matrix products; "auto" is bfloat16 where the hardware multiplies it.

    Elsewhere bfloat16 is emulated and slower than float32, though it works if asked for.
    """
    if name != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16}[name]
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = device.type == "cpu" and cpu_multiplies_bfloat16()
    return torch.bfloat16 if fast else torch.float32


def cpu_multiplies_bfloat16() -> bool:
    """Returns whether this processor has AVX512-BF16 or AMX, as far as torch can tell."""
    # Private until torch offers it; without it, float32 is always right.
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(torch.cpu, check, bool)()) for check in checks)
