"""``workbench llm``: the embedded server in the foreground, and its state."""

from __future__ import annotations

import asyncio
import json
import logging

import typer

from workbench.errors import BadInput

app = typer.Typer(
    help="The embedded Ollama-compatible server. Example: workbench llm serve --port 11435",
    no_args_is_help=True,
)


@app.command(epilog="Example: workbench llm serve --port 11500")
def serve(
    port: int = typer.Option(0, help="Port on 127.0.0.1; 0 takes 11435 or, in use, another."),
) -> None:
    """Serve the packaged models over Ollama's API, in the foreground, until Ctrl-C."""
    from workbench.llm import server

    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
    try:
        sock = server.listen(port or None)
    except OSError as error:
        raise BadInput(
            f"port {port} cannot be used: {error.strerror}", "leave --port out to take a free one"
        ) from error
    address = f"http://{server.HOST}:{sock.getsockname()[1]}"
    print(f"Ollama API at {address}   (use it: export OLLAMA_HOST={address})", flush=True)
    asyncio.run(server.serve(sock))


@app.command(epilog="Example: workbench llm status --json")
def status(as_json: bool = typer.Option(False, "--json", help="One JSON object.")) -> None:
    """Where models are served now, and which are loaded. Starts nothing."""
    import httpx

    from workbench.llm import client, daemon

    named = client.named_host()
    url = named if named and client.answers(named) else daemon.running()
    loaded = httpx.get(f"{url}/api/ps", trust_env=False).json()["models"] if url else []
    state = {
        "url": url,
        "embedded": bool(url) and client.embedded(url),
        "loaded": [
            {"model": m["name"], "bytes": m["size"], "until": m["expires_at"]} for m in loaded
        ],
    }
    if as_json:
        print(json.dumps(state))
    elif not url:
        print("no model server is running; one is started when it is needed")
    else:
        print(f"{'embedded server' if state['embedded'] else 'Ollama'} at {url}")
        for m in state["loaded"]:
            print(f"  {m['model']}  {m['bytes'] / 2**20:.0f} MiB, until {m['until']}")


@app.command(epilog="Example: workbench llm start")
def start() -> None:
    """Start the embedded server in the background where none runs."""
    from workbench.llm import daemon

    print(daemon.ensure())


@app.command(epilog="Example: workbench llm stop")
def stop() -> None:
    """Stop the embedded server."""
    from workbench.llm import daemon

    print("stopped" if daemon.stop() else "no embedded server was running")
