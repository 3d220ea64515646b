"""Carries finished spans to Phoenix without ever making an answer wait.

Ending a span costs an append to a queue. One thread sends the queue in batches once Phoenix
answers; until then the spans are held, up to a bound, beyond which they are counted and dropped.
"""

from __future__ import annotations

import itertools
import logging
import os
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from workbench.errors import WorkbenchError
from workbench.tracing import phoenix, spool
from workbench.tracing.once import count_once

if TYPE_CHECKING:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

log = logging.getLogger("workbench.tracing")


class Sender(SpanProcessor):
    """Span processor: a bounded queue and the thread that empties it into Phoenix.

    ``recent`` keeps the last spans for drawing them when Phoenix is down, and for sending them
    again to a Phoenix that was killed before it had stored them (it ignores those it has).
    """

    LIMIT = 10_000
    RECENT = 1_000
    BATCH = 512
    GATHER = 0.2  # seconds to wait for more spans before a batch goes
    PAUSE = 0.5  # seconds between tries while Phoenix does not answer
    RESTARTS = 3  # how often one process launches a killed Phoenix again
    WORRY = 120.0  # seconds of no answer after which the user is told, once

    def __init__(self) -> None:
        self.dropped = 0
        self.recent: deque[ReadableSpan] = deque(maxlen=self.RECENT)
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._queue: deque[ReadableSpan] = deque()
        self._seen = self._sent = 0
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._exporter: OTLPSpanExporter | None = None
        self._served_by: phoenix.Viewer | None = None
        self._restarts, self._down_since, self._told = 0, 0.0, False
        self._thread = threading.Thread(target=self._run, name="workbench-spans", daemon=True)
        self._thread.start()

    def on_end(self, span: ReadableSpan) -> None:
        """Queue ``span``; drop and count it when the queue is full."""
        if self._pid != os.getpid():
            self._begin()  # a forked child has the queue, which is its parent's, and no thread
        span = count_once(span)
        self.recent.append(span)
        if len(self._queue) >= self.LIMIT:
            self.dropped += 1
            return
        self._queue.append(span)
        self._seen += 1
        if not self._wake.is_set():
            self._wake.set()

    @property
    def connected(self) -> bool:
        """Whether Phoenix took the last batch."""
        return self._exporter is not None

    def waiting(self) -> int:
        """How many spans are held back, not yet with Phoenix."""
        return len(self._queue)

    def force_flush(self, timeout_millis: int = 10_000) -> bool:
        """Wait until all spans ended so far are with Phoenix; False if the time runs out."""
        target, deadline = self._seen, time.monotonic() + timeout_millis / 1000
        self._wake.set()
        while self._sent < target and time.monotonic() < deadline:
            time.sleep(0.02)
        return self._sent >= target

    def shutdown(self) -> None:
        """Stop sending; spans still held become files that the viewer takes in when it is up."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(1.0)
        left = list(self._queue)
        self._queue.clear()
        if left:
            try:
                spool.save(left)
            except OSError as error:
                log.warning("%d spans were not kept: %s", len(left), error)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait()
            self._wake.clear()
            self._stopping.wait(self.GATHER)
            while self._queue and not self._stopping.is_set():
                try:
                    delivered = self._send()
                except Exception as error:
                    log.debug("sending spans: %s", error)
                    delivered = False
                if not delivered:
                    self._stopping.wait(self.PAUSE)

    def _send(self) -> bool:
        """Send one batch; False if Phoenix is not there (yet)."""
        viewer = self._viewer()
        if viewer is None:
            self._tell()
            return False
        batch = list(itertools.islice(self._queue, self.BATCH))
        if not self._export(viewer, batch):
            self._exporter = None
            return False
        for _ in batch:
            self._queue.popleft()
        self._sent += len(batch)
        self._down_since = 0.0
        return True

    def _viewer(self) -> phoenix.Viewer | None:
        """The viewer if it answers. One that was killed is launched again; a stopped one is not."""
        if self._exporter is not None:
            return self._served_by
        viewer = phoenix.find()
        if viewer is None and phoenix.recorded() and self._restarts < self.RESTARTS:
            self._restarts += 1
            try:
                viewer = phoenix.start()
            except (WorkbenchError, OSError) as error:
                log.debug("starting Phoenix: %s", error)
        return viewer if viewer and phoenix.healthy(viewer) else None

    def _export(self, viewer: phoenix.Viewer, batch: list[ReadableSpan]) -> bool:
        from opentelemetry.sdk.trace.export import SpanExportResult

        if self._exporter is None:
            self._exporter = _exporter(viewer)
            again = list(self.recent) if self._served_by not in (None, viewer) else []
            self._served_by = viewer
            batch = [*again, *batch]
        return self._exporter.export(batch) is SpanExportResult.SUCCESS

    def _tell(self) -> None:
        self._down_since = self._down_since or time.monotonic()
        if not self._told and time.monotonic() - self._down_since > self.WORRY:
            self._told = True
            log.warning(
                "Phoenix does not answer; %d spans wait in memory, answers are not affected. "
                "See: workbench phoenix status",
                self.waiting(),
            )


def _exporter(viewer: phoenix.Viewer) -> OTLPSpanExporter:
    """OpenTelemetry's own exporter, without proxies and without its messages to the user."""
    import requests
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    logging.getLogger(OTLPSpanExporter.__module__).setLevel(logging.CRITICAL)
    session = requests.Session()
    session.trust_env = False
    return OTLPSpanExporter(endpoint=f"{viewer.url}/v1/traces", timeout=5, session=session)
