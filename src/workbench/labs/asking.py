"""A learner's function, called with care: what it returns, and what to say when it does not."""

from __future__ import annotations

import copy
import linecache
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

#: Files whose lines are never a learner's.
OURS = str(Path(__file__).resolve().parents[1])
LONGEST = 300
NOTHING = object()


class NotDone(Exception):
    """The stub is still there."""


class Wrong(Exception):
    """What a try got wrong, as a sentence or a question, with expected and got where they help."""

    def __init__(
        self, say: str, expected: Any = NOTHING, got: Any = NOTHING, given: str = "", picture=None
    ) -> None:
        super().__init__(say)
        self.say, self.expected, self.got = say, expected, got
        self.given, self.picture = given, picture


class TimeUp(BaseException):
    """The check's time is over; no ``except Exception`` of a learner's swallows it."""


@dataclass(frozen=True)
class Learner:
    """The learner's function; calling it gives what it returns, or raises NotDone or Wrong."""

    function: Callable[..., Any]
    name: str

    def __call__(self, *given: Any, **named: Any) -> Any:
        """Call the function with copies, so that it cannot alter the check's own values."""
        try:
            value = self.function(*copy.deepcopy(given), **copy.deepcopy(named))
            return list(value) if _is_generator(value) else value
        except NotImplementedError as error:
            raise NotDone(str(error)) from None
        except (NotDone, Wrong):
            raise
        except Exception as error:
            call = f"{self.name}({arguments(given, named)})"
            raise Wrong(explained(error), given=call) from None

    def given(self, *given: Any, **named: Any) -> str:
        """A call as a learner would type it."""
        return f"{self.name}({arguments(given, named)})"


def _is_generator(value: Any) -> bool:
    return hasattr(value, "__next__")


def arguments(given: Iterable[Any], named: dict[str, Any] | None = None) -> str:
    """The arguments of a call as text, shortened."""
    words = [shown(value) for value in given]
    words += [f"{name}={shown(value)}" for name, value in (named or {}).items()]
    return ", ".join(words)


def shown(value: Any, longest: int = LONGEST) -> str:
    """A value as a learner would type it, cut in the middle where it is long."""
    try:
        text = repr(value)
    except Exception as error:
        return f"<a value that cannot be shown: {type(error).__name__}>"
    if len(text) <= longest:
        return text
    return f"{text[: longest * 2 // 3]} … {text[-longest // 3 :]}"


def explained(error: BaseException) -> str:
    """An exception from a learner's function, in a sentence with its line."""
    kind = type(error).__name__
    article = "an" if kind[0] in "AEIOU" else "a"
    said = f" ({str(error).splitlines()[0][:200]})" if str(error) else ""
    number, line = _where(error.__traceback__)
    place = f" on line {number}, `{line}`" if line else f" on line {number}" if number else ""
    return f"Your function stopped with {article} {kind}{said}{place}. {_advice(error)}".strip()


def _where(trace: TracebackType | None) -> tuple[int, str]:
    """Number and text of the innermost line that is the learner's own."""
    found: tuple[int, str] = (0, "")
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith(OURS) and "site-packages" not in file and "/lib/python" not in file:
            found = (trace.tb_lineno, linecache.getline(file, trace.tb_lineno).strip())
        trace = trace.tb_next
    return found


#: What a kind of exception mostly comes from.
ADVICE: dict[type[BaseException], str] = {
    KeyError: "Which keys does the value have that your function was given?",
    IndexError: "What does your function do with something empty?",
    ZeroDivisionError: "When can the number below the line be zero, and what should happen then?",
    AttributeError: "Is the value of the type that you take it for? Print its type.",
    NameError: "Is that name defined above, or spelt another way?",
    RecursionError: "What ends the recursion?",
    TypeError: "Which values did it get? The call below shows them; one may be None.",
    ValueError: "Which value did it get? The call below shows it.",
}


def _advice(error: BaseException) -> str:
    return next((said for kind, said in ADVICE.items() if isinstance(error, kind)), "")


def flat(text: str) -> str:
    """A text with each run of white space as one blank."""
    return " ".join(text.split())


class Words(str):
    """Text for expected and got that is said, not quoted."""

    __repr__ = str.__str__


# --- comparing ----------------------------------------------------------------------------------


def same(got: Any, expected: Any) -> bool:
    """Whether two values mean the same: numbers within a millionth, sequences of any kind."""
    if isinstance(expected, bool) or isinstance(got, bool) or got is None or expected is None:
        return got is expected or (type(got).__name__ == "bool_" and bool(got) == expected)
    try:
        if isinstance(expected, int | float):
            return math.isclose(float(got), float(expected), rel_tol=1e-6, abs_tol=1e-9)
        if isinstance(expected, set | frozenset):
            return not isinstance(got, str | dict) and set(got) == set(expected)
        if isinstance(expected, list | tuple):
            if isinstance(got, str | dict | set):
                return False
            values = list(got)
            return len(values) == len(expected) and all(map(same, values, expected))
        if isinstance(expected, dict):
            alike = isinstance(got, dict) and set(got) == set(expected)
            return alike and all(same(got[key], expected[key]) for key in expected)
        return bool(got == expected)
    except (TypeError, ValueError):
        return False


@dataclass(frozen=True)
class Slip:
    """A way to go wrong: what to say, and a function that goes wrong in that way."""

    say: str
    like: Callable[..., Any]


def compare(
    learner: Learner,
    cases: Sequence[tuple[Any, ...]],
    right: Callable[..., Any],
    slips: Sequence[Slip],
    else_say: str,
    picture: Callable[[list[Any], list[Any]], Any] | None = None,
) -> Any:
    """Call the learner with each case; a wrong result is named by the slip that explains most.

    Returns what ``picture`` makes of the results and the right ones. Raises Wrong.
    """
    got = [learner(*case) for case in cases]
    expected = [right(*case) for case in cases]
    look = _drawn(picture, got, expected)
    for case, mine, theirs in zip(cases, got, expected, strict=True):
        if not same(mine, theirs):
            say = _most_alike(slips, cases, got, case, mine) or else_say
            raise Wrong(say, theirs, mine, learner.given(*case), look)
    return look


def _drawn(picture, got: list[Any], expected: list[Any]) -> Any:
    """The picture, or none where the learner's values cannot be drawn."""
    try:
        return picture(got, expected) if picture else None
    except (TypeError, ValueError, AttributeError, KeyError):
        return None


def _most_alike(slips, cases, got, case, mine) -> str:
    """What the slip says that gives the same wrong result here, and most others as well."""
    alike = [slip for slip in slips if same(mine, _tried(slip.like, case))]

    def agreeing(slip: Slip) -> int:
        return sum(same(g, _tried(slip.like, c)) for c, g in zip(cases, got, strict=True))

    return max(alike, key=agreeing).say if alike else ""


def _tried(function: Callable[..., Any], case: tuple[Any, ...]) -> Any:
    try:
        return function(*copy.deepcopy(case))
    except Exception:
        return NOTHING
