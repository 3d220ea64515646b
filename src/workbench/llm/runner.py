"""One llama.cpp server in a process of its own, one per loaded model.

Started by :mod:`workbench.llm.engine` with a JSON job as its only argument. Prints one JSON line,
``{"url": …, "empty": …}``, when the model is loaded, and ends when its standard input closes: a
runner never outlives the server that started it, however that one ended. ``empty`` is the resident
size of the process in bytes just before the load, with llama.cpp's library already there: what the
process holds above it is what the model takes.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xllamacpp


@dataclass(frozen=True)
class Job:
    """What to load and how: ``context`` is in tokens per slot, ``slots`` run side by side."""

    gguf: str
    context: int
    slots: int
    embedding: bool = False
    adapters: tuple[str, ...] = ()
    threads: int = 0
    name: str = ""

    def dumps(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> Job:
        fields = json.loads(text)
        return cls(**{**fields, "adapters": tuple(fields["adapters"])})


def engine_params(job: Job, port: int = 0) -> xllamacpp.CommonParams:
    """llama.cpp's parameters for a job; the benchmark runs raw llama.cpp with the very same."""
    import xllamacpp as xlc

    params = xlc.CommonParams()
    params.model.path = job.gguf
    if job.name:
        params.model_alias = {job.name}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx = job.context * job.slots
    params.n_parallel = job.slots
    params.n_threads_http = 64  # a waiting request holds one; it must wait in llama.cpp's own queue
    if job.threads:  # else llama.cpp's own choice: one a physical core
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = job.threads
    if not job.embedding:
        params.n_batch = 512  # between batches it looks for cancelled requests and serves others
    params.cache_ram_mib = 0  # prompts are reused in their slots; no second cache in memory
    params.fit_params = False
    # Not mapped: llama.cpp repacks weights for the processor; the mapped file would stay beside.
    params.load_mode = xlc.llama_load_mode.LLAMA_LOAD_MODE_NONE
    params.ui = False
    params.verbosity = 1
    if job.embedding:
        params.embedding = True
        params.n_batch = params.n_ubatch = max(512, job.context)
    if job.adapters:
        params.lora_adapters = [_adapter(xlc, path) for path in job.adapters]
    return params


def _adapter(xlc, path: str):
    adapter = xlc.CommonAdapterLoraInfo()
    adapter.path, adapter.scale = path, 1.0
    return adapter


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    import psutil
    import xllamacpp as xlc

    job = Job.loads(sys.argv[1])
    threading.Thread(target=_end_with_parent, daemon=True).start()
    params = engine_params(job)
    empty = psutil.Process().memory_info().rss
    server = xlc.Server(params)
    print(json.dumps({"url": server.listening_address, "empty": empty}), flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
