"""Which models are loaded, for how long, and how they are reached."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from workbench import models
from workbench.errors import BadInput, ModelMissing, UnknownName, WorkbenchError
from workbench.llm.runner import Job
from workbench.models import gguf_info

log = logging.getLogger("workbench.llm")

DEFAULT_CONTEXT = int(os.environ.get("OLLAMA_CONTEXT_LENGTH") or 4096)  # tokens, Ollama's default
DEFAULT_KEEP_ALIVE = os.environ.get("OLLAMA_KEEP_ALIVE") or "5m"  # Ollama's default
MOST_LOADED = int(os.environ.get("OLLAMA_MAX_LOADED_MODELS") or 3)  # Ollama's default on a CPU
MOST_SLOTS = int(os.environ.get("OLLAMA_NUM_PARALLEL") or 8)
MEMORY_AIM = 1.5 * 2**30  # bytes of weights and key-value cache that a model should stay under
LOAD_SECONDS = 300
#: How long llama.cpp's waiting threads spin before they sleep. A tenth of GNU OpenMP's default: as
#: fast on an idle machine, and less in the way of whatever else runs on the same cores. Sleeping at
#: once halves the speed of an idle machine.
RUNNER_ENVIRONMENT = {"GOMP_SPINCOUNT": "30000"}
FOREVER = float("inf")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}


class ApiError(Exception):
    """An error as Ollama answers it: a status and one sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def seconds(keep_alive: Any) -> float:
    """Ollama's ``keep_alive``: seconds or a duration such as "5m"; a negative one is forever."""
    if isinstance(keep_alive, bool) or not isinstance(keep_alive, int | float | str):
        raise ApiError(400, f"invalid keep_alive: {keep_alive!r}")
    if isinstance(keep_alive, str):
        sign, text = (-1, keep_alive[1:]) if keep_alive.startswith("-") else (1, keep_alive)
        parts = re.findall(r"([\d.]+)(ns|us|µs|ms|s|m|h)", text)
        if "".join(n + u for n, u in parts) != text or not parts:
            if not re.fullmatch(r"[\d.]+", text):
                raise ApiError(400, f'time: invalid duration "{keep_alive}"')
            parts = [(text, "s")]
        keep_alive = sign * sum(float(n) * _UNITS[u] for n, u in parts)
    return FOREVER if keep_alive < 0 else float(keep_alive)


@dataclass
class Runner:
    """A loaded model: its process, where it answers, and until when it stays."""

    model: models.ModelFiles
    process: asyncio.subprocess.Process
    url: str
    context: int
    slots: int
    keep_alive: float
    load_seconds: float
    empty: int = 0
    active: int = 0
    idle_since: float = field(default_factory=time.monotonic)

    @property
    def alive(self) -> bool:
        """Whether the process runs; asked of the system, which knows before asyncio does."""
        if self.process.returncode is not None:
            return False
        try:
            return psutil.Process(self.process.pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    @property
    def expires_in(self) -> float:
        """Seconds until it is unloaded, counted from now when it is at work."""
        if self.active:
            return self.keep_alive
        return max(0.0, self.idle_since + self.keep_alive - time.monotonic())

    def resident(self) -> int:
        """Resident bytes of the process that runs the model; 0 where it is gone."""
        with contextlib.suppress(psutil.Error):
            return psutil.Process(self.process.pid).memory_info().rss
        return 0

    def memory(self) -> int:
        """Bytes that the model takes: the process, less what it held before the model came."""
        return max(0, self.resident() - self.empty)


class Engine:
    """Loads models on demand, shares them between requests, unloads them after ``keep_alive``."""

    def __init__(self) -> None:
        self.runners: dict[str, Runner] = {}
        self.session: aiohttp.ClientSession | None = None
        self._locks: dict[str, asyncio.Lock] = {}
        self._reaper: asyncio.Task | None = None

    async def start(self) -> None:
        # A new connection for each request: llama.cpp closes idle ones at moments of its choosing.
        connector = aiohttp.TCPConnector(force_close=True, limit=0)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
        self.session = aiohttp.ClientSession(
            connector=connector, timeout=timeout, trust_env=False, read_bufsize=2**20
        )
        self._reaper = asyncio.create_task(self._reap())

    async def stop(self) -> None:
        if self._reaper:
            self._reaper.cancel()
        await asyncio.gather(*(self._end(r) for r in self.runners.values()))
        self.runners.clear()
        if self.session:
            await self.session.close()

    @contextlib.asynccontextmanager
    async def use(self, name: str, keep_alive: Any = None, num_ctx: int | None = None):
        """The runner of a model, loaded if need be, kept from unloading while in use."""
        model = find(name)
        stay = seconds(DEFAULT_KEEP_ALIVE if keep_alive is None else keep_alive)
        runner = await self._loaded(model, num_ctx)
        runner.active += 1
        runner.keep_alive = stay
        try:
            yield runner
        finally:
            runner.active -= 1
            runner.idle_since = time.monotonic()
            if stay == 0 and not runner.active:
                await self.unload(runner.model.name)

    async def _loaded(self, model: models.ModelFiles, num_ctx: int | None) -> Runner:
        async with self._locks.setdefault(model.name, asyncio.Lock()):
            runner = self.runners.get(model.name)
            if runner and runner.alive and runner.model.digest == model.digest:
                limit = await asyncio.to_thread(_longest_context, model)
                wanted = min(num_ctx or 0, limit)
                if wanted <= runner.context or runner.active:
                    return runner
            if runner:
                await self.unload(model.name)
            await self._make_room()
            self.runners[model.name] = runner = await self._load(model, num_ctx)
            return runner

    async def _load(self, model: models.ModelFiles, num_ctx: int | None) -> Runner:
        began = time.monotonic()
        job = await asyncio.to_thread(plan, model, num_ctx)
        _check_memory(model, job)
        log.info("loading %s: %d slots of %d tokens", model.name, job.slots, job.context)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "workbench.llm.runner", job.dumps(),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            env={**RUNNER_ENVIRONMENT, **os.environ, "WORKBENCH_DAEMON": "1"},
        )  # fmt: skip
        try:
            line = await asyncio.wait_for(process.stdout.readline(), LOAD_SECONDS)
            told = json.loads(line)
            url, empty = told["url"], told["empty"]
        except (ValueError, TimeoutError, KeyError) as error:
            await _kill(process)
            raise ApiError(
                500, f"llama runner process has terminated: it could not load {model.gguf.name}; "
                f"check it with: workbench models verify {model.name}",
            ) from error  # fmt: skip
        except asyncio.CancelledError:
            await _kill(process)
            raise
        took = time.monotonic() - began
        log.info("loaded %s in %.1f s", model.name, took)
        return Runner(
            model, process, url, job.context, job.slots, seconds(DEFAULT_KEEP_ALIVE), took, empty
        )

    async def _make_room(self) -> None:
        while len(self.runners) >= MOST_LOADED:
            idle = [r for r in self.runners.values() if not r.active]
            if not idle:
                return
            await self.unload(min(idle, key=lambda r: r.idle_since).model.name)

    async def unload(self, name: str) -> None:
        runner = self.runners.pop(name, None)
        if runner:
            log.info("unloading %s", name)
            await self._end(runner)

    async def _end(self, runner: Runner) -> None:
        if runner.process.stdin:
            runner.process.stdin.close()
        try:
            await asyncio.wait_for(runner.process.wait(), 5)
        except TimeoutError:
            await _kill(runner.process)

    async def _reap(self) -> None:
        while True:
            await asyncio.sleep(0.25)
            for name, runner in list(self.runners.items()):
                if not runner.alive or (not runner.active and runner.expires_in <= 0):
                    await self.unload(name)

    def busy(self) -> bool:
        return any(r.active for r in self.runners.values())


async def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()


def find(name: Any) -> models.ModelFiles:
    """A model of the store by its Ollama name; ApiError 400 or 404 as Ollama words them."""
    if not isinstance(name, str) or not name.strip():
        raise ApiError(400, "model is required")
    try:
        return models.path(name)
    except (ModelMissing, UnknownName) as error:
        raise ApiError(404, f"model '{name}' not found") from error
    except BadInput as error:
        raise ApiError(400, str(error)) from error
    except WorkbenchError as error:
        raise ApiError(500, str(error)) from error


def plan(model: models.ModelFiles, num_ctx: int | None = None) -> Job:
    """How a model is run: as many slots as fit the memory aimed at, at least one, at most eight."""
    info, gguf, name = gguf_info.read(model.gguf), str(model.gguf), models.short(model.name)
    longest = gguf_info.shape(info)["context"]
    if model.capability == "embedding":
        return Job(gguf, min(512, longest), 4, embedding=True, name=name)
    wanted = num_ctx or model.parameters.get("num_ctx") or DEFAULT_CONTEXT
    context = max(256, min(int(wanted), longest))
    room = MEMORY_AIM - model.gguf.stat().st_size
    fit = int(room // (gguf_info.kv_bytes_per_token(info) * context))
    slots = max(1, min(MOST_SLOTS, fit))
    adapters = tuple(str(a) for a in model.adapters)
    return Job(gguf, context, slots, adapters=adapters, name=name)


def _longest_context(model: models.ModelFiles) -> int:
    return gguf_info.shape(gguf_info.read(model.gguf))["context"]


def _check_memory(model: models.ModelFiles, job: Job) -> None:
    weights = Path(job.gguf).stat().st_size
    kv = gguf_info.kv_bytes_per_token(gguf_info.read(model.gguf)) * job.context * job.slots
    need, have = weights + kv, psutil.virtual_memory().available
    if need > have:
        raise ApiError(
            500, f"model requires more system memory ({need / 2**30:.1f} GiB) than is "
            f"available ({have / 2**30:.1f} GiB)",
        )  # fmt: skip
