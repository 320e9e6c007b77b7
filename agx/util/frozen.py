"""The decorator `dataclass(frozen=True, slots=True)`, made fast for what a cold start imports.

The standard one writes the text of seven methods for each class and compiles it, which takes longer than to
read the module around it; a cold plan has a hundred such classes. Here only `__init__` is compiled, and the
other methods are functions that do the same by the names of the fields. To type checkers it is the standard
decorator, and so it is to `fields`, `replace`, `asdict`, `copy` and `pickle`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError, fields
from dataclasses import dataclass as standard_dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

__all__ = ["dataclass"]

_T = TypeVar("_T")

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(*, frozen: bool, slots: bool) -> Callable[[type[_T]], type[_T]]:
        """Return the decorator, which takes no other options."""
        assert frozen
        assert slots
        return _frozen


class _Factory:
    """Stands for a default that a function makes."""

    def __repr__(self) -> str:
        return "<factory>"


_FACTORY = _Factory()


def _frozen(cls: type[_T]) -> type[_T]:
    if any(hasattr(base, "__dataclass_fields__") for base in cls.__mro__[1:]):
        return standard_dataclass(frozen=True, slots=True)(cls)
    made = standard_dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    made.__dataclass_params__.frozen = True  # type: ignore[attr-defined]
    own: tuple[Field[Any], ...] = fields(made)  # type: ignore[arg-type]
    methods = {
        "__init__": _init(made, own),
        "__setattr__": _refuse_to_set,
        "__delattr__": _refuse_to_delete,
        "__getstate__": _state,
        "__setstate__": _set_state,
        **_comparing(own),
    }
    for name, method in methods.items():
        if vars(cls).get(name) is None:  # None is what a class with `__eq__` has for `__hash__`
            setattr(made, name, method)
    return made


def _init(cls: type, own: tuple[Field[Any], ...]) -> Callable[..., None]:
    """Return `__init__`, compiled; its annotations are what the class says."""
    assert all(field.init and not field.kw_only for field in own)
    values: dict[str, object] = {"_set": object.__setattr__, "_factory": _FACTORY}
    parameters, lines = ["self"], []
    for field in own:
        name = value = field.name
        if field.default is not MISSING:
            values[f"_default_{name}"] = field.default
            parameters.append(f"{name}=_default_{name}")
        elif field.default_factory is not MISSING:
            values[f"_make_{name}"] = field.default_factory
            parameters.append(f"{name}=_factory")
            value = f"_make_{name}() if {name} is _factory else {name}"
        else:
            parameters.append(name)
        lines.append(f"  _set(self, {name!r}, {value})")
    if hasattr(cls, "__post_init__"):
        lines.append("  self.__post_init__()")
    body = "\n".join(lines) or "  pass"
    text = (
        f"def make({', '.join(values)}):\n def __init__({', '.join(parameters)}):\n{body}\n return __init__"
    )
    made: dict[str, Callable[..., Callable[..., None]]] = {}
    exec(text, vars(sys.modules[cls.__module__]), made)  # noqa: S102 - as the standard decorator does
    init = made["make"](**values)
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    init.__annotations__ = {field.name: field.type for field in own} | {"return": None}
    return init


def _comparing(own: tuple[Field[Any], ...]) -> dict[str, Callable[..., Any]]:
    """Return the methods that look at some of the fields."""
    compared = _values_of([field.name for field in own if field.compare])
    hashed = _values_of([field.name for field in own if (field.hash is None and field.compare) or field.hash])
    shown = [field.name for field in own if field.repr]

    def equal(self: object, other: object) -> bool:
        return compared(self) == compared(other) if other.__class__ is self.__class__ else NotImplemented

    def text(self: object) -> str:
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
        return f"{type(self).__qualname__}({values})"

    return {"__eq__": equal, "__hash__": lambda self: hash(hashed(self)), "__repr__": text}


def _values_of(names: list[str]) -> Callable[[object], tuple[object, ...]]:
    """Return a function from an object to the tuple of these attributes."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda value: tuple(getattr(value, name) for name in names)


def _refuse_to_set(self: object, name: str, _value: object) -> None:
    message = f"cannot assign to field {name!r} of {type(self).__name__}"
    raise FrozenInstanceError(message)


def _refuse_to_delete(_self: object, name: str) -> None:
    message = f"cannot delete field {name!r}"
    raise FrozenInstanceError(message)


def _state(self: Any) -> list[object]:  # noqa: ANN401 - any such class
    return [getattr(self, field.name) for field in fields(self)]


def _set_state(self: Any, state: list[object]) -> None:  # noqa: ANN401 - as above
    for field, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)
