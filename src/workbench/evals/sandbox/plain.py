"""Values as lines of JSON and back, so that nothing but plain data crosses between two processes.

What comes back is rebuilt here: an object that claims to be equal to everything does not survive
the way. Runs inside the sandbox, under a bare Python: standard library only.
"""

from __future__ import annotations

import json
from typing import Any

#: Iterators are handed over by their items, at most so many.
ITEMS = 100_000
COLLECTIONS = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}


class NotPlain(Exception):
    """A value that is no plain data."""


def dumps(value: Any) -> str:
    """One line of JSON. Raises NotPlain for what is no number, text, collection or iterator."""
    return json.dumps(_packed(value))


def loads(line: str) -> Any:
    """The value of such a line. Raises ValueError for anything else."""
    try:
        return _unpacked(json.loads(line))
    except (KeyError, TypeError, IndexError, RecursionError) as error:
        raise ValueError(f"no value: {line[:80]!r}") from error


def _packed(value: Any) -> Any:
    if value is None or isinstance(value, bool | str):
        return str(value) if isinstance(value, str) else value
    for kind, base in (("int", int), ("float", float), ("complex", complex)):
        if isinstance(value, base):
            return {kind: repr(base(value))}
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, range):
        return {"range": [value.start, value.stop, value.step]}
    if isinstance(value, dict):
        return {"dict": [[_packed(k), _packed(v)] for k, v in value.items()]}
    for kind, base in COLLECTIONS.items():
        if isinstance(value, base):
            return {kind: [_packed(item) for item in value]}
    if hasattr(type(value), "__next__"):
        return {"iterator": [_packed(item) for item, _ in zip(value, range(ITEMS), strict=False)]}
    if hasattr(type(value), "__iter__") and hasattr(type(value), "__len__"):  # views of a dict
        return {"view": [_packed(item) for item in value]}
    raise NotPlain(f"a value of type {type(value).__name__}")


def _unpacked(packed: Any) -> Any:
    if not isinstance(packed, dict):
        if packed is None or isinstance(packed, bool | str):
            return packed
        raise ValueError("no tag")
    ((kind, value),) = packed.items()
    if kind in ("int", "float", "complex"):
        return {"int": int, "float": float, "complex": complex}[kind](value)
    if kind == "bytes":
        return bytes.fromhex(value)
    if kind == "range":
        return range(*value)
    if kind == "dict":
        return {_unpacked(k): _unpacked(v) for k, v in value}
    items = [_unpacked(item) for item in value]
    if kind == "iterator":
        return iter(items)
    return dict(enumerate(items)).values() if kind == "view" else COLLECTIONS[kind](items)
