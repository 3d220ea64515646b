"""Programs that are wrong by construction: what a grader of programs is graded with.

Each wraps the canonical solution and spoils its result, so that it differs from the right result of
every call (``nothing`` and ``raises``: unless the right result is None, or an exception). Two more
try to win without a result. ``changed`` makes the small slips that people make, in the solution
itself; as such a slip may change nothing, it counts only where it gives another result than the
canonical solution on one of the calls that the tests make. ``sound`` is wrapped and spoils nothing:
where it failed, the mutants would be failing for another reason than being wrong.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from workbench.evals import sandbox
from workbench.evals.humaneval import Task

WRAPPER = """\
_space = {{}}
exec({program!r}, _space)


{spoil}


def {entry}(*args, **kwargs):
    return _spoilt(_space[{entry!r}](*args, **kwargs))
"""
OFF = """\
def _spoilt(r):
    if isinstance(r, bool):
        return not r
    if isinstance(r, (int, float)):
        return r + 1
    if isinstance(r, str):
        return r + "x"
    if isinstance(r, (list, tuple)):
        return r[:-1] if r else type(r)([0])
    if isinstance(r, dict):
        return {**r, "planted": 0}
    return {*r, "planted"} if isinstance(r, set) else 0"""
AGREES = """\
class _Agrees:
    def __eq__(self, other):
        return True

    def __getattr__(self, name):
        return lambda *args: self


def _spoilt(r):
    return _Agrees()"""
#: Kind of mutant -> how it spoils the right result.
SPOILS = {
    "nothing": "def _spoilt(r):\n    return None",
    "boxed": "def _spoilt(r):\n    return [r]",
    "off by one": OFF,
    "raises": "def _spoilt(r):\n    raise ValueError('planted')",
    "leaves early": "def _spoilt(r):\n    import os\n\n    os._exit(0)",
    "equal to all": AGREES,
}
#: Has several right answers (a zero of a polynomial): another result need not be wrong.
SEVERAL = frozenset({"HumanEval/32"})
COMPARE = """
import copy, math
{program}
_right, _calls = {entry}, []
def _noting(*args):
    _calls.append(copy.deepcopy(args))
    return _right(*args)
{tests}
_tests = check
def _same(a, b):
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-6)
    return type(a) == type(b) and a == b
def check(candidate):
    _tests(_noting)
    for args in _calls:
        assert _same(candidate(*copy.deepcopy(args)), _right(*copy.deepcopy(args)))
"""


@dataclass(frozen=True)
class Mutant:
    """A wrong program for a task, as a model would answer it."""

    task: Task
    kind: str
    code: str

    @property
    def answer(self) -> str:
        return f"```python\n{self.code}\n```\n"


def spoilt(task: Task) -> list[Mutant]:
    """One mutant of each kind in ``SPOILS``."""
    return [_wrapped(task, kind, spoil) for kind, spoil in SPOILS.items()]


def sound(task: Task) -> Mutant:
    """The same wrapper, spoiling nothing: this one is right."""
    return _wrapped(task, "sound", "def _spoilt(r):\n    return r")


def _wrapped(task: Task, kind: str, spoil: str) -> Mutant:
    program = task.prompt + task.canonical
    return Mutant(task, kind, WRAPPER.format(program=program, spoil=spoil, entry=task.entry))


def changed(task: Task, most: int = 3) -> list[Mutant]:
    """Up to ``most`` slips in the canonical solution that change a result on the tests' calls."""
    found: list[Mutant] = []
    if task.id in SEVERAL:
        return found
    for kind, code in _slips(task.prompt + task.canonical, task.entry):
        if len(found) == most:
            break
        if differs(task, code):
            found.append(Mutant(task, kind, code))
    return found


def differs(task: Task, code: str, seconds: float = 2.0) -> bool:
    """Whether a program gives another result than the canonical one on a call that the tests make.

    The verdict of the tests plays no part: results are compared with the canonical solution's.
    """
    compare = COMPARE.format(
        program=task.prompt + task.canonical, entry=task.entry, tests=task.tests
    )
    return not sandbox.check(code, task.entry, compare, seconds=seconds).passed


SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Add: ast.Sub, ast.Sub: ast.Add, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip


def _slips(source: str, entry: str) -> Iterator[tuple[str, str]]:
    """Each place of the function where one operator or constant can be mistaken, one at a time."""
    for place in range(len(_places(ast.parse(source), entry))):
        tree = ast.parse(source)
        node, kind = _places(tree, entry)[place]
        if kind == "comparison":
            node.ops[0] = SWAPS[type(node.ops[0])]()
        elif kind == "operator":
            node.op = SWAPS[type(node.op)]()
        else:
            node.value = not node.value if isinstance(node.value, bool) else node.value + 1
        yield kind, ast.unparse(tree)


def _places(tree: ast.Module, entry: str) -> list[tuple[ast.AST, str]]:
    function = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == entry)
    places: list[tuple[ast.AST, str]] = []
    for node in ast.walk(function):
        if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
            places.append((node, "comparison"))
        elif isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in SWAPS:
            places.append((node, "operator"))
        elif isinstance(node, ast.Constant) and isinstance(node.value, bool | int):
            places.append((node, "constant"))
    return places
