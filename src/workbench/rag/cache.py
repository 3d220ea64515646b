"""Answers kept by content: what was asked, of which model, with which options."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbench.settings import settings


@dataclass(frozen=True)
class Made:
    """A finished reply as it was made; times in seconds."""

    text: str
    prompt_tokens: int
    output_tokens: int
    seconds: float
    first_token_seconds: float


def key_of(model_digest: str, request: dict[str, Any]) -> str:
    """SHA-256 of everything that the reply depends on."""
    content = json.dumps([model_digest, request], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(content.encode("utf-8")).hexdigest()


class AnswerCache:
    """One JSON file an answer, shared by all notebooks of the working copy."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or settings().artifacts / "answers"

    def load(self, key: str) -> Made | None:
        """The reply made earlier, or None; a file that cannot be read counts as none."""
        try:
            return Made(**json.loads((self.folder / f"{key}.json").read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def save(self, key: str, made: Made) -> None:
        """Keep a reply; readers see all of it or nothing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / f"{key}.{os.getpid()}.part"
        part.write_text(json.dumps(asdict(made), ensure_ascii=False), "utf-8")
        part.replace(self.folder / f"{key}.json")
