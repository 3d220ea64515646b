"""Spans that a process could not deliver before it ended, kept as files for the viewer to take in.

A script may be done in two seconds, and Phoenix takes twenty to start: what is left then goes to
``artifacts/phoenix/spool`` in OTLP's own encoding.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.tracing import phoenix

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan


def folder() -> Path:
    """Where undelivered spans wait."""
    return phoenix.folder() / "spool"


def save(spans: Sequence[ReadableSpan]) -> Path:
    """Write ``spans`` as one OTLP request; returns its file."""
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

    folder().mkdir(parents=True, exist_ok=True)
    path = folder() / f"{time.time_ns()}-{os.getpid()}.pb"
    part = path.with_suffix(".pb.part")
    part.write_bytes(encode_spans(spans).SerializeToString())
    part.replace(path)
    return path


def waiting() -> list[Path]:
    """Files that wait, oldest first."""
    return sorted(folder().glob("*.pb"))


def deliver(port: int) -> int:
    """Post each waiting file to Phoenix and remove it; returns how many it took."""
    import httpx

    taken = 0
    headers = {"content-type": "application/x-protobuf"}
    for path in waiting():
        answer = httpx.post(
            f"http://{phoenix.HOST}:{port}/v1/traces",
            content=path.read_bytes(),
            headers=headers,
            trust_env=False,
        )
        if answer.status_code >= 500:
            break
        path.unlink(missing_ok=True)
        taken += 1
    return taken
