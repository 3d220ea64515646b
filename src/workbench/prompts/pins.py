"""Which version of a prompt is in force, since when and why: a history that only grows."""

from __future__ import annotations

import getpass
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from workbench.errors import BrokenFile
from workbench.prompts import file


@dataclass(frozen=True)
class Event:
    """One change of what is in force.

    ``version`` is the version in force from then on; None says that nothing is pinned, so that the
    latest packaged one is. ``when`` is UTC in ISO 8601; ``digest`` is the prompt's when it was
    pinned.
    """

    name: str
    action: str
    version: int | None
    digest: str
    reason: str
    who: str
    when: str


class Log(list[Event]):
    """What happened, oldest first; displays as a table."""

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()

    def __repr__(self) -> str:
        return repr(self._table()) if self else "nothing has been pinned"

    def _table(self):
        from workbench.display import table

        rows = [
            {
                "when": event.when[:19].replace("T", " "),
                "who": event.who,
                "what": event.action,
                "in force": f"v{event.version}" if event.version else "latest packaged",
                "why": event.reason,
            }
            for event in self
        ]
        return table(rows, "What was pinned, and why")


def load(path: Path) -> Log:
    """All events, oldest first; none without a file; raises BrokenFile for a damaged one."""
    try:
        return Log(Event(**event) for event in json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return Log()
    except (OSError, ValueError, TypeError) as error:
        raise BrokenFile(
            f"the pins of the prompts in {path} cannot be read: {error}",
            "delete the file: the latest packaged versions are in force again",
        ) from None


def append(path: Path, event: Event) -> None:
    """Add an event; whoever calls it holds the registry's lock."""
    events = [asdict(e) for e in (*load(path), event)]
    file.write(path, json.dumps(events, indent=1, ensure_ascii=False) + "\n")


def stack(events: Log, name: str) -> list[Event]:
    """The pins of a prompt that rollbacks have not undone, the one in force last."""
    out: list[Event] = []
    for event in events:
        if event.name == name and event.action == "pin":
            out.append(event)
        elif event.name == name and out:
            out.pop()
    return out


def now(name: str, action: str, version: int | None, digest: str, reason: str) -> Event:
    """An event of this moment by this user."""
    when = datetime.now(UTC).isoformat(timespec="seconds")
    return Event(name, action, version, digest, reason, _user(), when)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user may have no name
        return "unknown"
