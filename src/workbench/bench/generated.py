"""Documents made from word lists with a seed, each its own, of some 50 to 110 words.

Notes in Markdown, web pages, plain text, mails and tables in turn; and a small folder as people
have it, with files that nobody can read.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

PLACES = "Alder Bay,Brant Point,Cull Head,Dunwick,Eskholm,Fenna,Garrow,Hollin Sound,Inner Rusk,Jarl"
THINGS = "crane,gangway,winch,beacon,lifeboat,ticket machine,forklift,pump,radio,fuel line,kiosk"
PEOPLE = "the deck crew,the harbour office,a fitter,the night watch,the agent,the pilot"
STATES = "worn,repaired,out of order,inspected,repainted,replaced,tested,cleaned,locked,on order"
TIMES = "before the first sailing,at noon,after the tide turned,on Friday,overnight"
REASONS = "because of ice,after a complaint,by order of the surveyor,for the season,as a precaution"
SENTENCES = (
    "{Person} found the {thing} at {place} {state} {time}.",
    "The {thing} in store {n} was {state} {reason}; the next check is due in {m} days.",
    "Order {n} for {place} names {m} parts of the {thing} and a price of {k} kr.",
    "{Time}, {person} moved the {thing} from {place} to shed {m}.",
    "Whoever needs the {thing} at {place} asks {person} and signs list {n}.",
    "It was {state} {reason}, and {person} wrote it into the book at {place}.",
)
#: Suffix of a document's file, in turn.
SUFFIXES = (".md", ".html", ".txt", ".eml", ".csv")


def write_documents(folder: Path, count: int, seed: int = 1, first: int = 0) -> list[Path]:
    """Write documents number ``first`` and following; the same numbers and seed give the same."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_write(folder, number, seed) for number in range(first, first + count)]


def _write(folder: Path, number: int, seed: int) -> Path:
    rng = random.Random(f"{seed} {number}")
    suffix = SUFFIXES[number % len(SUFFIXES)]
    folder = folder / f"{number // 500:03d}"
    folder.mkdir(exist_ok=True)
    path = folder / f"note-{number:05d}{suffix}"
    title = f"Note {number} on the {rng.choice(THINGS.split(','))}"
    path.write_text(_FORMS[suffix](title, rng), encoding="utf-8")
    return path


def _sentence(rng: random.Random) -> str:
    words = {
        "thing": rng.choice(THINGS.split(",")),
        "place": rng.choice(PLACES.split(",")),
        "person": rng.choice(PEOPLE.split(",")),
        "state": rng.choice(STATES.split(",")),
        "time": rng.choice(TIMES.split(",")),
        "reason": rng.choice(REASONS.split(",")),
        "n": str(rng.randint(1000, 99999)),
        "m": str(rng.randint(2, 60)),
        "k": str(rng.randint(100, 9900)),
    }
    words |= {name.capitalize(): _upper(words[name]) for name in ("person", "time")}
    return rng.choice(SENTENCES).format(**words)


def _upper(text: str) -> str:
    return text[0].upper() + text[1:]


def _paragraphs(rng: random.Random) -> list[str]:
    return [" ".join(_sentence(rng) for _ in range(rng.randint(2, 3))) for _ in range(2)]


def _markdown(title: str, rng: random.Random) -> str:
    first, second = _paragraphs(rng)
    return f"# {title}\n\n{first}\n\n{second}\n"


def _html(title: str, rng: random.Random) -> str:
    said = "".join(f"<p>{text}</p>" for text in _paragraphs(rng))
    return f"<html><body><nav>Start</nav><main><h1>{title}</h1>{said}</main></body></html>"


def _text(title: str, rng: random.Random) -> str:
    return "\n\n".join([title, *_paragraphs(rng)]) + "\n"


def _mail(title: str, rng: random.Random) -> str:
    mail = EmailMessage()
    mail["From"], mail["To"] = "Ada Reed <ada@example.org>", "Store <store@example.org>"
    mail["Subject"], mail["Date"] = title, "Mon, 02 Mar 2026 08:00:00 +0000"
    mail.set_content("\n\n".join(_paragraphs(rng)))
    return mail.as_string()


def _csv(title: str, rng: random.Random) -> str:
    rows = [
        f"{rng.choice(THINGS.split(','))};{rng.choice(PLACES.split(','))};{rng.randint(1, 9999)}"
        for _ in range(rng.randint(6, 12))
    ]
    return "\n".join([f"part;{title};order", *rows]) + "\n"


_FORMS: dict[str, Callable[[str, random.Random], str]] = {
    ".md": _markdown,
    ".html": _html,
    ".txt": _text,
    ".eml": _mail,
    ".csv": _csv,
}


def mixed_folder(folder: Path) -> Path:
    """A small folder as people have it: good documents, and some that cannot be read."""
    import zipfile

    from pypdf import PdfWriter

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "opening hours.md").write_text("# Opening\n\nThe museum opens at ten.\n", "utf-8")
    (folder / "tickets.csv").write_text("ticket;price\nadult;90 kr\nchild;40 kr\n", "utf-8")
    (folder / "page.html").write_text("<main><h1>Café</h1><p>Soup at noon.</p></main>", "utf-8")
    (folder / "photo.jpg").write_bytes(b"\xff\xd8\xff")
    with (folder / "dump.txt").open("wb") as file:
        file.truncate(200 * 2**20)  # takes no room on the disk
    with zipfile.ZipFile(folder / "renamed.pdf", "w") as archive:
        archive.writestr("a.txt", "a")
    locked = PdfWriter()
    locked.add_blank_page(100, 100)
    locked.encrypt("secret")
    locked.write(folder / "locked.pdf")
    if not (folder / "loop").is_symlink():
        (folder / "loop").symlink_to(folder.resolve(), target_is_directory=True)
    return folder
