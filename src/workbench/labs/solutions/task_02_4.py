"""Task 02.4: chunks that leave sentences and rows whole."""

import re


def filled(head, pieces, joint, size):
    chunks, held = [], []
    for piece in pieces:
        longer = head + joint.join([*held, piece])
        if held and len(longer.split()) > size:
            chunks.append(head + joint.join(held))
            held = []
        held.append(piece)
    return [*chunks, head + joint.join(held)]


def chunk(text, size):
    chunks = []
    for block in re.split(r"\n\s*\n", text.strip()):
        lines = [line for line in block.splitlines() if line.strip()]
        if lines[0].startswith("|"):
            head, pieces, joint = "\n".join(lines[:2]) + "\n", lines[2:], "\n"
        else:
            running = " ".join(block.split())
            head, pieces, joint = "", re.split(r"(?<=[.!?])\s+", running), " "
        chunks += filled(head, pieces, joint, size)
    return chunks
