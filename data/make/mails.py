"""Makes the mails of ``data/corpus``, and two text files in odd encodings, from ``make/mails/``.

    python data/make/mails.py [folder]

A source is a mail in UTF-8 with its header lines as they will stand, and instructions:

    %% part text/plain charset=utf-8 encoding=base64 filename=a.pdf    a part begins
    %% multipart/mixed            before the parts: what they make together
    %% ends lf                    line ends of the file: crlf (as in a mail), lf or mixed
    %% raw cp1252                 the rest is the body, as 8-bit text whose charset is not declared
    %% text windows-1252 crlf     first line: no mail but a text file

The same bytes come out each time: nothing is drawn by chance, and no time is written.
"""

from __future__ import annotations

import re
import sys
from base64 import encodebytes
from itertools import cycle
from pathlib import Path
from quopri import encodestring

HERE = Path(__file__).parent
ENDS = {"crlf": ["\r\n"], "lf": ["\n"], "mixed": ["\r\n", "\r\n", "\n"]}


def main(folder: str | Path = HERE.parent / "corpus") -> None:
    for source in sorted((HERE / "mails").glob("*.txt")):
        text = source.read_text("utf-8")
        if text.startswith("%% text "):
            (Path(folder) / source.name).write_bytes(text_file(text))
        else:
            (Path(folder) / f"{source.stem}.eml").write_bytes(mail(text, source.stem))


def text_file(source: str) -> bytes:
    head, text = source.split("\n", 1)
    _, _, charset, ends = head.split()
    return with_ends(text.encode(charset), ends)


def mail(source: str, name: str) -> bytes:
    """A source as the bytes of a mail."""
    head, *sections = re.split(r"^%% (.+)\n", source, flags=re.MULTILINE)
    ends, parts, multipart = "crlf", [], ""
    for instruction, text in zip(sections[::2], sections[1::2], strict=True):
        match instruction.split():
            case ["ends", kind]:
                ends = kind
            case ["raw", charset]:
                parts.append(b"\n" + text.encode(charset))
            case ["part", kind, *settings]:
                parts.append(part(kind, dict(s.split("=", 1) for s in settings), text))
            case [kind]:
                multipart = kind
    body = parts[0]
    if multipart:
        boundary = f"=_{name}"
        body = f'Content-Type: {multipart}; boundary="{boundary}"\n'.encode()
        body += b"".join(f"\n--{boundary}\n".encode() + one for one in parts)
        body += f"\n--{boundary}--\n".encode()
    version = b"" if body.startswith(b"\n") else b"MIME-Version: 1.0\n"
    return with_ends(head.encode("ascii") + version + body, ends)


def part(kind: str, settings: dict[str, str], text: str) -> bytes:
    """One part: its header lines and its text as they are sent."""
    fields = [f"Content-Type: {kind}"]
    fields += [f"{name}={settings[name]}" for name in ("charset", "format") if name in settings]
    encoding = settings["encoding"]
    head = "; ".join(fields) + f"\nContent-Transfer-Encoding: {encoding}\n"
    if "filename" in settings:
        head += f'Content-Disposition: attachment; filename="{settings["filename"]}"\n'
    data = text.encode(settings.get("charset", "utf-8"))
    data = {"base64": encodebytes, "quoted-printable": encodestring}.get(encoding, bytes)(data)
    return head.encode() + b"\n" + data


def with_ends(data: bytes, ends: str) -> bytes:
    """Lines with the wanted ends, in turn where there are several."""
    marks = cycle(ENDS[ends])
    lines = data.removesuffix(b"\n").split(b"\n")
    return b"".join(line + next(marks).encode() for line in lines)


if __name__ == "__main__":
    main(*sys.argv[1:])
