"""Turns calls of LlamaIndex and of the Ollama client into spans, once those libraries are imported.

OpenInference instruments LlamaIndex and ``ollama``'s chat. What it leaves out is added here: when
the first token of a streamed chat arrived, and spans for ``generate``, ``embed``, ``embeddings``.
Nothing is imported for it: a hook waits for each library's import.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import Any

import wrapt
from openinference.instrumentation import OITracer, TraceConfig
from opentelemetry import trace
from opentelemetry.instrumentation.utils import is_instrumentation_enabled
from opentelemetry.sdk.trace import TracerProvider

from workbench.tracing import calls

FIRST_TOKEN = "First Token Stream Event"  # the event that Phoenix reads
FIRST_TOKEN_SECONDS = "llm.first_token_seconds"
_TRACER = "workbench.tracing.ollama"


def instrument(provider: TracerProvider) -> None:
    """Trace LlamaIndex and Ollama calls with ``provider``, now or when they are imported."""
    wrapt.register_post_import_hook(lambda _: _llama_index(provider), "llama_index.core")
    wrapt.register_post_import_hook(lambda module: _ollama(module, provider), "ollama")


def _llama_index(provider: TracerProvider) -> None:
    from openinference.instrumentation.llama_index import LlamaIndexInstrumentor

    LlamaIndexInstrumentor().instrument(tracer_provider=provider)


def _ollama(module: Any, provider: TracerProvider) -> None:
    from openinference.instrumentation.ollama import OllamaInstrumentor

    tracer = OITracer(trace.get_tracer(_TRACER, tracer_provider=provider), config=TraceConfig())
    for owner, is_async in (("Client", False), ("AsyncClient", True)):
        first = _first_token_async if is_async else _first_token
        wrapt.wrap_function_wrapper("ollama._client", f"{owner}.chat", first)
        for call in (calls.GENERATE, calls.EMBED, calls.EMBEDDINGS):
            wrapper = (_traced_async if is_async else _traced)(tracer, call)
            wrapt.wrap_function_wrapper("ollama._client", f"{owner}.{call.method}", wrapper)
    for call in (calls.GENERATE, calls.EMBED, calls.EMBEDDINGS):
        setattr(module, call.method, getattr(module._client, call.method))
    OllamaInstrumentor().instrument(tracer_provider=provider)


def _first_token(wrapped: Callable, _: Any, args: tuple, kwargs: dict) -> Any:
    """Inside OpenInference's span of a chat: note on it when the first token came."""
    answer = wrapped(*args, **kwargs)
    return _noting(answer, trace.get_current_span()) if isinstance(answer, Iterator) else answer


async def _first_token_async(wrapped: Callable, _: Any, args: tuple, kwargs: dict) -> Any:
    answer = await wrapped(*args, **kwargs)
    if isinstance(answer, AsyncIterator):
        return _noting_async(answer, trace.get_current_span())
    return answer


def _noting(chunks: Iterator, span: trace.Span) -> Iterator:
    try:
        first = True
        for chunk in chunks:
            first = first and not _note(span, chunk)
            yield chunk
    finally:
        chunks.close()


async def _noting_async(chunks: AsyncIterator, span: trace.Span) -> AsyncIterator:
    try:
        first = True
        async for chunk in chunks:
            first = first and not _note(span, chunk)
            yield chunk
    finally:
        await chunks.aclose()


def _note(span: trace.Span, chunk: Any) -> bool:
    """Note the first token on ``span`` if ``chunk`` brings one; True once that is done."""
    if not calls.text_of(chunk) or not span.is_recording():
        return False
    span.add_event(FIRST_TOKEN)
    span.set_attribute(FIRST_TOKEN_SECONDS, (time.time_ns() - span.start_time) / 1e9)
    return True


def _begin(tracer: OITracer, call: calls.Call, wrapped: Callable, args: tuple, kwargs: dict):
    asked: dict = {}
    with suppress(TypeError):  # wrong arguments: the client itself says so
        asked = inspect.signature(wrapped).bind(*args, **kwargs).arguments
    return tracer.start_span(call.name, attributes=call.asked(asked))


def _fail(span: trace.Span, error: BaseException) -> None:
    span.record_exception(error)
    span.set_status(trace.StatusCode.ERROR, f"{type(error).__name__}: {error}")
    span.end()


def _finish(span: trace.Span, attributes: dict) -> None:
    span.set_attributes(attributes)
    span.set_status(trace.StatusCode.OK)
    span.end()


def _traced(tracer: OITracer, call: calls.Call) -> Callable:
    def wrapper(wrapped: Callable, _: Any, args: tuple, kwargs: dict) -> Any:
        if not is_instrumentation_enabled():
            return wrapped(*args, **kwargs)
        span = _begin(tracer, call, wrapped, args, kwargs)
        try:
            with trace.use_span(span, record_exception=False, set_status_on_exception=False):
                answer = wrapped(*args, **kwargs)
        except BaseException as error:
            _fail(span, error)
            raise
        if isinstance(answer, Iterator):
            return _stream(span, call, answer)
        _finish(span, call.answered([answer]))
        return answer

    return wrapper


def _traced_async(tracer: OITracer, call: calls.Call) -> Callable:
    async def wrapper(wrapped: Callable, _: Any, args: tuple, kwargs: dict) -> Any:
        if not is_instrumentation_enabled():
            return await wrapped(*args, **kwargs)
        span = _begin(tracer, call, wrapped, args, kwargs)
        try:
            with trace.use_span(span, record_exception=False, set_status_on_exception=False):
                answer = await wrapped(*args, **kwargs)
        except BaseException as error:
            _fail(span, error)
            raise
        if isinstance(answer, AsyncIterator):
            return _stream_async(span, call, answer)
        _finish(span, call.answered([answer]))
        return answer

    return wrapper


def _stream(span: trace.Span, call: calls.Call, chunks: Iterator) -> Iterator:
    seen: list = []
    try:
        for chunk in _noting(chunks, span):
            seen.append(chunk)
            yield chunk
    except GeneratorExit:  # the caller has had enough: what came is what is kept
        _finish(span, call.answered(seen))
        raise
    except BaseException as error:
        _fail(span, error)
        raise
    _finish(span, call.answered(seen))


async def _stream_async(span: trace.Span, call: calls.Call, chunks: AsyncIterator) -> AsyncIterator:
    seen: list = []
    try:
        async for chunk in _noting_async(chunks, span):
            seen.append(chunk)
            yield chunk
    except GeneratorExit:
        _finish(span, call.answered(seen))
        raise
    except BaseException as error:
        _fail(span, error)
        raise
    _finish(span, call.answered(seen))
