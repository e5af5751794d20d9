"""Importing parts of a package without running the package's own `__init__` before it is needed."""

import importlib.util
import sys
from types import ModuleType
from typing import Any


class _Deferred(ModuleType):
    """A package whose body runs at the first use of a name of its own; its parts import as ever."""

    def __getattr__(self, name: str) -> Any:
        # The technique of importlib.util.LazyLoader, which for a package already runs the body when
        # the import system asks for __path__.
        self.__class__ = ModuleType  # type: ignore[assignment]  # as in LazyLoader
        if (spec := self.__spec__) is not None and spec.loader is not None:
            spec.loader.exec_module(self)
        return getattr(self, name)


def defer(*packages: str) -> None:
    """Defer these packages, parents first; those that are imported already are let be."""
    for name in packages:
        if name in sys.modules:
            continue
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return  # not installed: the import that follows says so best
        module = importlib.util.module_from_spec(spec)
        module.__class__ = _Deferred
        sys.modules[name] = module
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, module)
