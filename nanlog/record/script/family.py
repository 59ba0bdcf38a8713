"""The models of a script: which module is the root of what is called and trained."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterator
from typing import Any

import torch
from torch.nn.modules.module import (
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)

__all__ = ["Family"]


class Family:
    """All modules of the process, as torch's hooks tell of their registration, and the optimizers that train them."""

    def __init__(self) -> None:
        self._parents: weakref.WeakKeyDictionary[Any, weakref.WeakSet[Any]] = weakref.WeakKeyDictionary()
        self._modules: weakref.WeakSet[Any] = weakref.WeakSet()
        self._optimizers: list[weakref.ref[Any]] = []
        self._silent = False
        register_module_module_registration_hook(self._child)
        register_module_parameter_registration_hook(self._parameter)

    def _child(self, module: Any, name: str, child: Any) -> None:
        if not self._silent and child is not None:
            self._modules.add(module)
            self._modules.add(child)
            self._parents.setdefault(child, weakref.WeakSet()).add(module)

    def _parameter(self, module: Any, name: str, parameter: Any) -> None:
        if not self._silent:
            self._modules.add(module)

    def add_optimizer(self, optimizer: Any) -> None:
        self._optimizers.append(weakref.ref(optimizer))

    @property
    def optimizers(self) -> list[Any]:
        """Those that are alive, in the order they were made."""
        found = [reference() for reference in self._optimizers]
        return [each for each in found if each is not None]

    def model(self, called: torch.nn.Module | None) -> torch.nn.Module | None:
        """The smallest module that holds what is called and all that is trained.

        A LightningModule is asked for as a whole.  Where there is no such module, one that holds them all by name.
        """
        trained = {id(p) for optimizer in self.optimizers for group in optimizer.param_groups for p in group["params"]}
        if called is not None and trained and not trained & _ids(called):
            called = None  # a teacher, a loss: not what is trained
        if called is not None and trained <= _ids(called):
            return self._harness(called) or called
        roots = [self._narrowed(top, trained, called) for top in self._tops() if trained & _ids(top)]
        if called is not None and not any(called in set(root.modules()) for root in roots):
            roots.append(called)
        if len(roots) <= 1:
            return roots[0] if roots else called if called is not None else self._loose()
        return self._together(roots)

    def _loose(self) -> torch.nn.Module | None:
        """Parameters of no module, under the names of the script's own variables."""
        loose = [p for optimizer in self.optimizers for group in optimizer.param_groups for p in group["params"]]
        if not loose:
            return None
        holder = torch.nn.Module()
        for place, parameter in enumerate(loose):
            holder._parameters[_variable(parameter) or f"parameter{place}"] = parameter
        return holder

    def _tops(self) -> list[Any]:
        return [module for module in list(self._modules) if not self._parents.get(module)]

    def _harness(self, module: Any) -> Any:
        """The LightningModule that a module is part of."""
        waiting, seen = [module], set()
        while waiting:
            each = waiting.pop()
            if any(kind.__name__ == "LightningModule" for kind in type(each).__mro__):
                return each
            seen.add(id(each))
            waiting.extend(parent for parent in self._parents.get(each, ()) if id(parent) not in seen)
        return None

    def _narrowed(self, top: Any, trained: set[int], called: Any) -> Any:
        """From the outermost module inwards as long as one child has all of it."""
        module = top
        if called is None or called not in set(top.modules()):
            return top
        needed = trained & _ids(top)
        while module is not called and self._harness(module) is not module:
            inner = [each for each in module.children() if needed <= _ids(each) and called in set(each.modules())]
            if len(inner) != 1:
                break
            module = inner[0]
        return module

    def _together(self, roots: list[Any]) -> torch.nn.Module:
        """Under the names of the script's own variables where it has some."""
        names: dict[str, Any] = {}
        for root in roots:
            wanted = _variable(root) or type(root).__name__
            name, number = wanted, 2
            while name in names:
                name, number = f"{wanted}{number}", number + 1
            names[name] = root
        self._silent = True
        try:
            holder = torch.nn.Module()
            for name, root in names.items():
                holder._modules[name] = root
            return holder
        finally:
            self._silent = False


def _ids(module: torch.nn.Module) -> set[int]:
    return {id(parameter) for parameter in module.parameters()}


def _variable(module: Any) -> str | None:
    main = sys.modules.get("__main__")
    found: Iterator[str] = (name for name, value in list(vars(main).items()) if value is module) if main else iter(())
    return next((name for name in found if name.isidentifier() and not name.startswith("_")), None)
