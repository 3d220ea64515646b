"""The same prompts in Phoenix's prompt management, where a team can see, tag and try them.

Phoenix is asked over its REST interface, as ``phoenix.client`` does: importing that client loads
the whole of Phoenix's server, which takes longer than all that is done here.
"""

from __future__ import annotations

import dataclasses
import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.prompts.prompt import VARIABLE, Prompt

if TYPE_CHECKING:
    import httpx

_MUSTACHE = re.compile(r"\{\{([a-z_]+)\}\}")


@dataclass(frozen=True)
class Published:
    """A prompt as Phoenix has it: ``digest`` is worked out from what was read back.

    ``problem`` says why it is not there; then the other fields are empty.
    """

    prompt: Prompt
    version_id: str = ""
    digest: str = ""
    tags: tuple[str, ...] = ()
    url: str = ""
    problem: str = ""

    @property
    def same(self) -> bool:
        """Whether what Phoenix gave back has the words that were sent."""
        return self.digest == self.prompt.digest

    def _repr_markdown_(self) -> str:
        if self.problem:
            return f"{self.prompt.id} is not in Phoenix: {self.problem}"
        verdict = "the same words as" if self.same else "**other words than**"
        return (
            f"[{self.prompt.id} in Phoenix]({self.url}), tagged {', '.join(self.tags)}: read back, "
            f"it has {verdict} the file."
        )

    def __repr__(self) -> str:
        return self._repr_markdown_()


def to_phoenix(
    prompt: Prompt, tag: str = "production", model: str = "smollm2:135m", patience: float = 60.0
) -> Published:
    """Give a version of a prompt to the running Phoenix, tag it, and read it back by its tag.

    The version is tagged ``v2`` or the like beside ``tag``, and is sent once only. Phoenix is
    started if need be and waited for, ``patience`` seconds at most. If it does not answer, that is
    a warning and ``Published.problem``, never an error.
    """
    import httpx

    from workbench.tracing import phoenix

    try:
        viewer = phoenix.wait(patience)
        with httpx.Client(base_url=f"{viewer.url}/v1", timeout=30, trust_env=False) as client:
            return _publish(client, viewer.url, prompt, tag, model)
    except (WorkbenchError, httpx.HTTPError, OSError, ValueError, KeyError) as error:
        problem = error.what if isinstance(error, WorkbenchError) else str(error)
        logging.getLogger(__name__).warning("%s is not in Phoenix: %s", prompt.id, problem)
        return Published(prompt, problem=problem)


def _publish(client: httpx.Client, url: str, prompt: Prompt, tag: str, model: str) -> Published:
    own = f"v{prompt.version}"
    there = _tagged(client, prompt.name, own)
    if there is None or digest_of(there, prompt) != prompt.digest:
        body = {"prompt": {"name": prompt.name}, "version": _version(prompt, model)}
        there = _data(client.post("prompts", json=body))
    tags = f"prompt_versions/{there['id']}/tags"
    for name in (own, tag):
        client.post(tags, json={"name": name}).raise_for_status()
    back = _tagged(client, prompt.name, tag)
    listed = _data(client.get("prompts", params={"limit": 1000}))
    prompt_id = next(p["id"] for p in listed if p["name"] == prompt.name)
    return Published(
        prompt,
        version_id=there["id"],
        digest=digest_of(back, prompt) if back else "",
        tags=tuple(t["name"] for t in _data(client.get(tags))),
        url=f"{url}/prompts/{prompt_id}/versions/{there['id']}",
    )


def _tagged(client: httpx.Client, name: str, tag: str) -> dict[str, Any] | None:
    answer = client.get(f"prompts/{name}/tags/{tag}")
    return None if answer.status_code == 404 else _data(answer)


def _data(answer: httpx.Response) -> Any:
    answer.raise_for_status()
    return answer.json()["data"]


def _version(prompt: Prompt, model: str) -> dict[str, Any]:
    """The prompt as Phoenix wants it; ``{name}`` becomes ``{{name}}``, so that JSON stays JSON."""
    messages = [
        {"role": role, "content": VARIABLE.sub(r"{{\1}}", text)} for role, text in prompt.messages
    ]
    version: dict[str, Any] = {
        "description": f"{prompt.id}: {prompt.changelog}",
        "model_provider": "OLLAMA",
        "model_name": model,
        "template": {"type": "chat", "messages": messages},
        "template_type": "CHAT",
        "template_format": "MUSTACHE",
        "invocation_parameters": {"type": "ollama", "ollama": {}},
    }
    if prompt.format is not None:
        schema = {"name": "answer", "schema": dict(prompt.format)}
        version["response_format"] = {"type": "json_schema", "json_schema": schema}
    return version


def digest_of(version: dict[str, Any], prompt: Prompt) -> str:
    """The digest of a version that Phoenix holds, worked out as that of a file is."""
    messages = tuple(
        (message["role"], _MUSTACHE.sub(r"{\1}", _words(message["content"])))
        for message in version["template"]["messages"]
    )
    wanted = version.get("response_format")
    schema = wanted["json_schema"].get("schema") if wanted else None
    return dataclasses.replace(prompt, messages=messages, format=schema).digest


def _words(content: Any) -> str:
    """A message's text, which Phoenix gives back whole or as a list of parts."""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)
