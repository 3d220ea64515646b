"""Where things lie in a GGUF file: how long its lists are, and where its tensors begin.

The ``gguf`` package reads the same, but makes an object of each of a vocabulary's strings, which
takes seconds; here they are skipped. Layout: ggml's specification of GGUF (docs/gguf.md).
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

from workbench.errors import BrokenFile

#: Bytes of a value by its type's number; 8 is a string and 9 a list.
_WIDTHS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_STRING, _LIST = 8, 9
_U32, _U64 = struct.Struct("<I"), struct.Struct("<Q")


def read(gguf: Path) -> tuple[dict[str, int], int]:
    """Lengths of the lists by their keys, and the byte at which the first tensor begins.

    Raises BrokenFile where the file is no little-endian GGUF of version 2 or 3, or is cut short.
    """
    try:
        with gguf.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Reader(data).layout()
    except (struct.error, ValueError, KeyError, IndexError) as error:
        raise BrokenFile(
            f"{gguf.name} is not a readable GGUF file: {error}",
            "remove it and pull the model again",
        ) from error


class _Reader:
    def __init__(self, data: mmap.mmap) -> None:
        self.data, self.at = data, 0

    def layout(self) -> tuple[dict[str, int], int]:
        if self.data[:4] != b"GGUF":
            raise ValueError("it does not begin with GGUF")
        self.at = 4
        if self.u32() not in (2, 3):
            raise ValueError("another version than 2 or 3")
        tensors, pairs = self.u64(), self.u64()
        lengths, align = {}, 32
        for _ in range(pairs):
            key, kind = self.text(), self.u32()
            if kind == _LIST:
                lengths[key] = self.skip_list()
            elif key == "general.alignment":
                align = self.u32()
            else:
                self.skip(kind)
        for _ in range(tensors):
            self.text()
            dimensions = self.u32()
            self.at += 8 * dimensions + 4 + 8  # and the type, and where it lies
        start = -(-self.at // align) * align
        if start > len(self.data):
            raise ValueError("it is cut short")
        return lengths, start

    def u32(self) -> int:
        self.at += 4
        return _U32.unpack_from(self.data, self.at - 4)[0]

    def u64(self) -> int:
        self.at += 8
        return _U64.unpack_from(self.data, self.at - 8)[0]

    def text(self) -> str:
        length = self.u64()
        self.at += length
        return self.data[self.at - length : self.at].decode("utf-8")

    def skip(self, kind: int) -> None:
        width = self.u64() if kind == _STRING else _WIDTHS[kind]
        self.at += width

    def skip_list(self) -> int:
        kind, length = self.u32(), self.u64()
        if kind in _WIDTHS:
            self.at += _WIDTHS[kind] * length
        elif kind == _STRING:
            for _ in range(length):
                self.at += _U64.unpack_from(self.data, self.at)[0] + 8
        else:
            raise ValueError("a list of lists")
        return length
