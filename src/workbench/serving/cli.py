"""``workbench serve``: the assistant over HTTP."""

from __future__ import annotations

import socket
from pathlib import Path

import typer

from workbench.errors import BadInput

app = typer.Typer()
HOST = "127.0.0.1"


@app.command(epilog="Example: workbench serve --port 8080, then open http://127.0.0.1:8080/docs")
def serve(
    port: int = typer.Option(8080, help="Port on 127.0.0.1; 0 takes a free one."),
    corpus: Path | None = typer.Option(None, help="Folder of documents; default: data/corpus."),
    model: str = typer.Option("smollm2:135m", help="Model that answers."),
    k: int = typer.Option(3, help="Passages given to the model."),
    cache: bool = typer.Option(False, help="Answer repeated questions from artifacts/answers."),
) -> None:
    """Serve the assistant over HTTP until Ctrl-C."""
    import uvicorn

    from workbench import tracing
    from workbench.serving.app import create

    sock = _listen(port)
    tracing.start()
    service = create(_assistant(corpus, model, k, cache))
    print(f"assistant at http://{HOST}:{sock.getsockname()[1]}  (docs at /docs)", flush=True)
    config = uvicorn.Config(service, log_level="warning", timeout_graceful_shutdown=5)
    uvicorn.Server(config).run(sockets=[sock])


def _assistant(corpus: Path | None, model: str, k: int, cache: bool):
    from workbench import rag, retrieval

    return rag.Assistant(retrieval.of_folder(corpus), model=model, k=k, cache=cache)


def _listen(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((HOST, port))
    except OSError as error:
        raise BadInput(
            f"port {port} cannot be used: {error.strerror}", "give --port 0 for a free one"
        ) from error
    return sock
