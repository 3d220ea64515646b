"""From a chat model's answer to a program: code blocks, chatter, whole functions, bare bodies."""

from __future__ import annotations

import ast
import re
import textwrap

FENCE = re.compile(r"^[ \t]*(?:```|~~~)[ \t]*[\w+-]*[ \t]*$", re.MULTILINE)
#: Lines at which code begins in an answer without a code block.
STARTS = re.compile(r"^(?:from \w|import \w|def \w|async def |class \w|@\w)", re.MULTILINE)


def program(prompt: str, entry: str, answer: str) -> str:
    """The whole program: what the prompt has before the function, then the answer's code.

    ``prompt`` ends in the signature and docstring of ``entry``. An answer that defines a function
    stands for itself; any other is taken as the body. Text that is no Python is cut off its end;
    nothing else of it is repaired.
    """
    code = _block(answer, entry)
    if _defines(code, entry) or _other_function(code):
        return _longest(_before(prompt, entry), code)
    return _longest(prompt, _indented(code))


def closed(answer: str) -> bool:
    """Whether a code block has been opened and closed: what follows is not read."""
    return len(FENCE.findall(answer)) >= 2


def _block(answer: str, entry: str) -> str:
    """The first code block that defines the function, else the first, else the answer itself.

    Without a block, what is said before the first line of code is left out.
    """
    text = answer.replace("\r\n", "\n")
    pieces = FENCE.split(text)  # outside, inside, outside, …
    blocks = [piece.strip("\n") for piece in pieces[1::2]]
    defining = [block for block in blocks if _defines(block, entry)]
    if defining:
        return textwrap.dedent(defining[0])
    if blocks:
        return blocks[0]
    start = STARTS.search(text) if _defines(text, entry) else None
    return text[start.start() :] if start else text.strip("\n")


def _defines(code: str, entry: str) -> bool:
    return re.search(rf"^\s*def {re.escape(entry)}\s*\(", code, re.MULTILINE) is not None


def _other_function(code: str) -> bool:
    """Whether it is a program of its own under another name, and not a body."""
    try:
        top = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(isinstance(node, ast.FunctionDef) for node in top) and not any(
        isinstance(node, ast.Return) for node in top
    )


def _before(prompt: str, entry: str) -> str:
    """Imports and helpers that the prompt has above the function."""
    at = re.search(rf"^def {re.escape(entry)}\s*\(", prompt, re.MULTILINE)
    return prompt[: at.start()] if at else ""


def _indented(body: str) -> str:
    """A body as it stands under a signature; models often leave out the first indentation."""
    lines = body.splitlines()
    first = next((line for line in lines if line.strip()), "")
    if first.startswith((" ", "\t")):
        return body
    if len(lines) > 1 and all(
        line.startswith("    ") for line in lines[lines.index(first) + 1 :] if line.strip()
    ):
        return body.replace(first, f"    {first}", 1)  # only the first line lacks it
    return textwrap.indent(body, "    ")


def _longest(before: str, code: str) -> str:
    """As many lines of the code as are Python, from the first on; all, where none are."""
    lines = code.splitlines()
    for end in range(len(lines), 0, -1):
        text = before + "\n".join(lines[:end]) + "\n"
        if _parses(text):
            return text
    return before + code + "\n"


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
