"""The same prompts in Phoenix's prompt management, where a team can see, tag and try them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import ServerError, WorkbenchError
from workbench.prompts.prompt import VARIABLE, Prompt

if TYPE_CHECKING:
    from phoenix.client import Client
    from phoenix.client.types.prompts import PromptVersion


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
        verdict = "the same words" if self.same else "**other words**"
        return (
            f"{self.prompt.id} in Phoenix: [{self.prompt.name}]({self.url}), tagged "
            f"{', '.join(self.tags)}; read back, it has {verdict} as the file."
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
        return _publish(_client(viewer.url), viewer.url, prompt, tag, model)
    except (WorkbenchError, httpx.HTTPError, OSError, ValueError) as error:
        problem = error.what if isinstance(error, WorkbenchError) else f"{error}"
        logging.getLogger(__name__).warning("%s is not in Phoenix: %s", prompt.id, problem)
        return Published(prompt, problem=problem)


def _client(url: str) -> Client:
    import httpx
    from phoenix.client import Client

    return Client(http_client=httpx.Client(base_url=url, timeout=30, trust_env=False))


def _publish(client: Client, url: str, prompt: Prompt, tag: str, model: str) -> Published:
    own = f"v{prompt.version}"
    there = _find(client, prompt.name, own)
    if there is None or digest_of(there, prompt) != prompt.digest:
        there = client.prompts.create(name=prompt.name, version=_version(prompt, model))
    for name in (own, tag):
        client.prompts.tags.create(prompt_version_id=there.id, name=name)
    back = client.prompts.get(prompt_identifier=prompt.name, tag=tag)
    if back.id != there.id:
        raise ServerError(f"Phoenix has another version under the tag {tag!r}", "publish it again")
    tags = tuple(t["name"] for t in client.prompts.tags.list(prompt_version_id=there.id))
    page = f"{url}/prompts/{_prompt_id(client, prompt.name)}/versions/{there.id}"
    return Published(prompt, there.id, digest_of(back, prompt), tags, page)


def _find(client: Client, name: str, tag: str) -> PromptVersion | None:
    try:
        return client.prompts.get(prompt_identifier=name, tag=tag)
    except ValueError:  # the client's word for "not found"
        return None


def _version(prompt: Prompt, model: str) -> PromptVersion:
    """The prompt as Phoenix wants it; ``{name}`` becomes ``{{name}}``, so that JSON stays JSON."""
    from phoenix.client.types.prompts import PromptVersion

    asked: dict[str, Any] = {
        "model": model,
        "messages": [
            {"role": role, "content": VARIABLE.sub(r"{{\1}}", text)}
            for role, text in prompt.messages
        ],
    }
    if prompt.format is not None:
        schema = {"name": "answer", "schema": dict(prompt.format)}
        asked["response_format"] = {"type": "json_schema", "json_schema": schema}
    return PromptVersion.from_openai(
        asked,
        template_format="MUSTACHE",
        model_provider="OLLAMA",
        description=f"{prompt.id}: {prompt.changelog}",
    )


def digest_of(version: PromptVersion, prompt: Prompt) -> str:
    """The digest of what Phoenix holds, worked out as that of a file is."""
    import dataclasses

    filled = version.format(
        variables={name: f"{{{name}}}" for name in prompt.variables}, sdk="openai"
    )
    messages = tuple((m["role"], _words(m["content"])) for m in filled.messages)
    wanted = filled.kwargs.get("response_format")
    schema = wanted["json_schema"].get("schema") if wanted else None
    return dataclasses.replace(prompt, messages=messages, format=schema).digest


def _words(content: Any) -> str:
    """A message's text, which Phoenix gives back whole or as a list of parts."""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def _prompt_id(client: Client, name: str) -> str:
    """Phoenix's own id of a prompt, which its pages are found by."""
    answer = client._client.get("v1/prompts", params={"limit": 1000})
    answer.raise_for_status()
    return next(p["id"] for p in answer.json()["data"] if p["name"] == name)
