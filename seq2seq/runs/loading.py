"""A model that is built to be loaded: its shapes first, then the weights of a file, once.

Building a model draws its weights at random, which takes longer than reading them. Here a model is
built without memory and without random numbers, its shapes are compared with a file's, and the
tensors that were read become its parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

ModelT = TypeVar("ModelT", bound=nn.Module)


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
    """Makes copies of tensors the parameters of a model; tied ones stay tied.

    The copies lie where torch wants them: a tensor in a mapped file may begin at any address, on
    which kernels round otherwise.

    Args:
        model: as `build_without_memory` returns it.
        tensors: by the first name of each parameter, of its shape.
    """
    new = {
        id(old): nn.Parameter(tensors[name].clone(), requires_grad=old.requires_grad)
        for name, old in model.named_parameters()
    }
    for module in model.modules():
        for name, old in list(module.named_parameters(recurse=False, remove_duplicate=False)):
            setattr(module, name, new[id(old)])
