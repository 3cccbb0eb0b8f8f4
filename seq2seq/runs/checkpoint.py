"""Weights and the state of an optimizer as tensors by name, checked when they are loaded.

Building a model draws its weights at random, which takes longer than reading them. A model that is
only to be used is built without memory and without random numbers, its shapes are compared with a
file's, and the tensors that were read become its parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from seq2seq.errors import RunError
from seq2seq.runs.tensors import Shapes, load_tensors

Value = TypeVar("Value")
ModelT = TypeVar("ModelT", bound=nn.Module)


def with_prefix(values: Mapping[str, Value], prefix: str) -> dict[str, Value]:
    """What has names that begin with `prefix`, without it."""
    return {
        name.removeprefix(prefix): value
        for name, value in values.items()
        if name.startswith(prefix)
    }


def named_weights(model: nn.Module) -> dict[str, Tensor]:
    """Each weight once, by the first of its names; a tied one has several."""
    return dict(model.named_parameters())


def tensor_shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """The shape of each tensor, by name."""
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def check_shapes(expected: Shapes, found: Shapes, path: Path) -> None:
    """Raises RunError if a weight lacks, is unknown, or has another shape than is expected."""
    for name in sorted(expected.keys() | found.keys()):
        if name not in expected or name not in found:
            what = "lacks" if name in expected else "has an unknown"
            raise RunError(
                f"{path} {what} weight {name}: it is not of the experiment that lies beside it"
            )
        if expected[name] != found[name]:
            raise RunError(
                f"{path}: weight {name} is {found[name]}, the experiment says {expected[name]}"
            )


def load_weights(model: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Copies tensors into the model; RunError if a name or a shape does not fit."""
    expected = named_weights(model)
    check_shapes(tensor_shapes(expected), tensor_shapes(tensors), path)
    with torch.no_grad():
        for name, weight in expected.items():
            weight.copy_(tensors[name])


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """What an optimizer remembers, by the number of the weight and its own name for it."""
    return {
        f"{index}.{name}": torch.as_tensor(value)
        for index, state in optimizer.state_dict()["state"].items()
        for name, value in state.items()
        if value is not None
    }


def load_optimizer(
    optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], path: Path
) -> None:
    """Goes on with what `optimizer_tensors` gave; RunError if it is not of these weights."""
    groups = optimizer.state_dict()["param_groups"]
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    state: dict[int, dict[str, Any]] = {}
    for name, tensor in tensors.items():
        number, _, key = name.partition(".")
        index = int(number) if number.isdecimal() else len(weights)
        if index >= len(weights) or tensor.shape not in ((), weights[index].shape):
            raise RunError(f"{path}: the optimizer's {name} is not of this model and optimizer")
        state.setdefault(index, {})[key] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def load_checkpoint(
    path: Path, run_id: str | None, model: nn.Module, sets: Sequence[str]
) -> tuple[dict[str, Tensor], Any]:
    """Tensors and state of a file; the weights' shapes are checked before any number is read.

    `sets` are what the names of each set of weights begin with that must fit the model.

    Raises:
        RunError: it is missing, damaged, of another run, or does not fit.
    """
    expected = tensor_shapes(named_weights(model))

    def check(shapes: Shapes) -> None:
        for prefix in sets:
            check_shapes(expected, with_prefix(shapes, prefix), path)

    return load_tensors(path, run_id, check)


class _NoInitialization(TorchFunctionMode):
    """While it is entered, the functions of `torch.nn.init` leave tensors as they are."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Calls `func`, unless it only fills a tensor with its first values."""
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


def build_without_memory(build: Callable[[], ModelT]) -> ModelT:
    """Builds a model whose weights have shapes only; no random number is drawn.

    Raises:
        RuntimeError, TypeError, ValueError: a size is beyond what torch can describe.
    """
    with torch.device("meta"), _NoInitialization():
        return build()


def set_parameters(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Makes copies of tensors, by the first name of each parameter, the parameters of a model.

    Tied ones stay tied. The copies lie where torch wants them: a tensor in a mapped file may begin
    at any address, on which kernels round otherwise.
    """
    new = {
        id(old): nn.Parameter(tensors[name].clone(), requires_grad=old.requires_grad)
        for name, old in model.named_parameters()
    }
    for module in model.modules():
        for name, old in list(module.named_parameters(recurse=False, remove_duplicate=False)):
            setattr(module, name, new[id(old)])
