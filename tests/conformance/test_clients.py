"""The clients of the course and its labs, unmodified, each streaming and whole."""

from __future__ import annotations

import asyncio
from typing import Literal

import httpx
import pytest
from pydantic import BaseModel

from conformance.helpers import CHAT, EMBED, LONG, cosine, embed, options, user

QUESTION = "What colour is fire?"


class Paint(BaseModel):
    """A colour and whether it feels warm."""

    colour: Literal["red", "green", "blue"]
    warm: bool


def same_vector(http: httpx.Client, vector: list[float], text: str) -> None:
    assert cosine(vector, embed(http, text)["embeddings"][0]) > 0.9999


class TestOllama:
    def test_chat_and_generate(self, host: str) -> None:
        import ollama

        client = ollama.Client(host=host)
        whole = client.chat(CHAT, messages=user(LONG), options=options())
        pieces = list(client.chat(CHAT, messages=user(LONG), options=options(), stream=True))
        assert "".join(p.message.content for p in pieces) == whole.message.content
        assert pieces[-1].eval_count == whole.eval_count == 16 and pieces[-1].done
        made = client.generate(CHAT, LONG, options=options())
        parts = list(client.generate(CHAT, LONG, options=options(), stream=True))
        assert "".join(p.response for p in parts) == made.response == whole.message.content

    def test_schema(self, host: str) -> None:
        import ollama

        client = ollama.Client(host=host)
        request = {"messages": user(QUESTION), "format": Paint.model_json_schema()}
        whole = client.chat(CHAT, **request, options=options(num_predict=120))
        assert Paint.model_validate_json(whole.message.content)
        parts = client.chat(CHAT, **request, options=options(num_predict=120), stream=True)
        assert Paint.model_validate_json("".join(p.message.content for p in parts))

    def test_models(self, host: str) -> None:
        import ollama

        client = ollama.Client(host=host)
        assert CHAT in {m.model for m in client.list().models}
        shown = client.show(CHAT)
        assert shown.modelinfo["llama.context_length"] == 8192
        assert "completion" in shown.capabilities
        client.generate(CHAT, keep_alive="5m")
        assert CHAT in {m.model for m in client.ps().models}
        assert client.pull(CHAT).status == "success"
        assert [s.status for s in client.pull(CHAT, stream=True)][-1] == "success"

    def test_embeddings(self, host: str, http: httpx.Client) -> None:
        import ollama

        client = ollama.Client(host=host)
        both = client.embed(EMBED, ["a ferry", "a dog"])
        assert len(both.embeddings) == 2
        same_vector(http, both.embeddings[1], "a dog")
        same_vector(http, client.embeddings(EMBED, "a dog").embedding, "a dog")

    def test_errors(self, host: str) -> None:
        import ollama

        client = ollama.Client(host=host)
        for stream in (False, True):
            with pytest.raises(ollama.ResponseError) as caught:
                list(client.chat("no-such-model", messages=user("Hi"), stream=stream))
            assert caught.value.status_code == 404 and "not found" in caught.value.error
        with pytest.raises(ollama.ResponseError, match="file does not exist"):
            client.pull("no-such-model-xyz")
        with pytest.raises(ollama.ResponseError, match="file does not exist"):
            list(client.pull("no-such-model-xyz", stream=True))

    def test_async(self, host: str, http: httpx.Client) -> None:
        import ollama

        async def run() -> tuple[str, str, list[float]]:
            client = ollama.AsyncClient(host=host)
            whole = await client.chat(CHAT, messages=user(LONG), options=options())
            stream = await client.chat(CHAT, messages=user(LONG), options=options(), stream=True)
            text = "".join([part.message.content async for part in stream])
            vectors = (await client.embed(EMBED, "a dog")).embeddings
            return whole.message.content, text, vectors[0]

        whole, text, vector = asyncio.run(run())
        assert whole == text
        same_vector(http, vector, "a dog")


class TestLlamaIndex:
    @pytest.fixture
    def llm(self, host: str):
        from llama_index.llms.ollama import Ollama

        return Ollama(
            model=CHAT,
            base_url=host,
            temperature=0,
            request_timeout=120,
            additional_kwargs={"num_predict": 24, "seed": 7},
        )

    def test_complete_and_chat(self, llm) -> None:
        from llama_index.core.llms import ChatMessage

        done = llm.complete(LONG)
        assert done.text and done.raw["eval_count"] == 24
        assert "".join(piece.delta for piece in llm.stream_complete(LONG)) == done.text
        message = [ChatMessage(role="user", content=LONG)]
        assert llm.chat(message).message.content == done.text
        streamed = list(llm.stream_chat(message))
        assert streamed[-1].message.content == done.text and len(streamed) > 12

    def test_it_learns_the_context_window(self, llm) -> None:
        assert llm.metadata.context_window == 8192

    def test_async(self, llm) -> None:
        async def run() -> tuple[str, str]:
            stream = await llm.astream_complete(LONG)
            text = "".join([piece.delta async for piece in stream])
            return text, (await llm.acomplete(LONG)).text

        streamed, whole = asyncio.run(run())
        assert streamed == whole

    def test_structured(self, llm) -> None:
        from llama_index.core.llms import ChatMessage
        from llama_index.core.prompts import PromptTemplate

        llm.additional_kwargs["num_predict"] = 120
        message = [ChatMessage(role="user", content=QUESTION)]
        assert isinstance(llm.as_structured_llm(Paint).chat(message).raw, Paint)
        ask = PromptTemplate("What colour is {thing}?")
        assert isinstance(llm.structured_predict(Paint, ask, thing="fire"), Paint)
        *_, last = llm.stream_structured_predict(Paint, ask, thing="fire")
        assert Paint.model_validate(last.model_dump())

    def test_embeddings(self, host: str, http: httpx.Client) -> None:
        from llama_index.embeddings.ollama import OllamaEmbedding

        model = OllamaEmbedding(model_name=EMBED, base_url=host)
        same_vector(http, model.get_query_embedding("a dog"), "a dog")
        many = model.get_text_embedding_batch(["a ferry", "a dog", "a cake"])
        same_vector(http, many[1], "a dog")
        same_vector(http, asyncio.run(model.aget_query_embedding("a dog")), "a dog")


class TestLangChain:
    @pytest.fixture
    def model(self, host: str):
        from langchain_ollama import ChatOllama

        return ChatOllama(
            model=CHAT,
            base_url=host,
            temperature=0,
            seed=7,
            num_predict=120,
            validate_model_on_init=True,
        )

    def test_invoke_and_stream(self, model) -> None:
        whole = model.invoke(QUESTION)
        assert whole.content and whole.usage_metadata["output_tokens"] > 0
        pieces = list(model.stream(QUESTION))
        assert "".join(piece.content for piece in pieces) == whole.content and len(pieces) > 2
        assert whole.response_metadata["done_reason"] in ("stop", "length")

    def test_async(self, model) -> None:
        async def run() -> tuple[str, str]:
            text = "".join([piece.content async for piece in model.astream(QUESTION)])
            return text, (await model.ainvoke(QUESTION)).content

        streamed, whole = asyncio.run(run())
        assert streamed == whole

    def test_structured(self, model) -> None:
        structured = model.with_structured_output(Paint)
        assert isinstance(structured.invoke(QUESTION), Paint)
        *_, last = structured.stream(QUESTION)
        assert isinstance(last, Paint)

    def test_embeddings(self, host: str, http: httpx.Client) -> None:
        from langchain_ollama import OllamaEmbeddings

        model = OllamaEmbeddings(model=EMBED, base_url=host)
        same_vector(http, model.embed_query("a dog"), "a dog")
        same_vector(http, model.embed_documents(["a ferry", "a dog"])[1], "a dog")

    def test_completion_model(self, host: str) -> None:
        from langchain_ollama import OllamaLLM

        model = OllamaLLM(model=CHAT, base_url=host, temperature=0, seed=7, num_predict=24)
        assert "".join(model.stream(LONG)) == model.invoke(LONG)


class TestHaystack:
    @pytest.fixture
    def settings(self, host: str) -> dict:
        return {"model": CHAT, "url": host, "generation_kwargs": options(num_predict=120)}

    def test_whole_and_streaming(self, settings: dict) -> None:
        from haystack.dataclasses import ChatMessage
        from haystack_integrations.components.generators.ollama import OllamaChatGenerator

        message = [ChatMessage.from_user(QUESTION)]
        whole = OllamaChatGenerator(**settings).run(message)["replies"][0]
        assert whole.text and whole.meta["usage"]["completion_tokens"] > 0
        heard: list[str] = []
        generator = OllamaChatGenerator(
            **settings, streaming_callback=lambda chunk: heard.append(chunk.content)
        )
        assert generator.run(message)["replies"][0].text == "".join(heard) == whole.text

    def test_schema(self, settings: dict) -> None:
        from haystack.dataclasses import ChatMessage
        from haystack_integrations.components.generators.ollama import OllamaChatGenerator

        generator = OllamaChatGenerator(**settings, response_format=Paint.model_json_schema())
        reply = generator.run([ChatMessage.from_user(QUESTION)])["replies"][0]
        assert Paint.model_validate_json(reply.text)

    def test_embeddings(self, host: str, http: httpx.Client) -> None:
        from haystack import Document
        from haystack_integrations.components.embedders.ollama import (
            OllamaDocumentEmbedder,
            OllamaTextEmbedder,
        )

        one = OllamaTextEmbedder(model=EMBED, url=host).run("a dog")["embedding"]
        same_vector(http, one, "a dog")
        embedder = OllamaDocumentEmbedder(model=EMBED, url=host, progress_bar=False)
        documents = embedder.run([Document(content="a ferry"), Document(content="a dog")])
        same_vector(http, documents["documents"][1].embedding, "a dog")


class TestDeepEval:
    @pytest.fixture
    def model(self, host: str):
        from deepeval.models import OllamaModel

        kwargs = {"num_predict": 120, "seed": 7}
        return OllamaModel(model=CHAT, base_url=host, temperature=0, generation_kwargs=kwargs)

    def test_text_and_schema(self, model) -> None:
        text, cost = model.generate(QUESTION)
        assert text and cost == 0
        paint, _ = model.generate(QUESTION, schema=Paint)
        assert isinstance(paint, Paint)

    def test_async(self, model) -> None:
        paint, _ = asyncio.run(model.a_generate(QUESTION, schema=Paint))
        assert isinstance(paint, Paint)

    def test_embeddings(self, host: str, http: httpx.Client) -> None:
        from deepeval.models import OllamaEmbeddingModel

        model = OllamaEmbeddingModel(model=EMBED, base_url=host)
        same_vector(http, model.embed_text("a dog"), "a dog")
