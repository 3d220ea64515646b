"""The memory estimate: parts by hand, files, and within a tenth of the running model."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from workbench import models
from workbench.bench.memory_cli import app
from workbench.catalog import gguf_layout, memory
from workbench.catalog.memory import Shape
from workbench.errors import BadInput, BrokenFile, ModelMissing, UnknownName

TINY = Shape(layers=2, hidden=8, kv_heads=1, head_dim=4, feed_forward=16, vocabulary=100)


def test_parts_by_hand():
    got = memory.estimate(TINY, weights=1000, context=256, slots=4)
    assert got.cache == 2 * 2 * 1 * 4 * 256 * 4 * 2
    assert got.compute == 512 * (3 * 16 + 5 * 8) * 4 + 2 * 512 * 256
    assert got.output == 4 * 100 * 4
    assert got.total == sum(got.parts().values())
    assert got.at_load == got.total - got.compute - got.work


def test_context_and_slots_grow_the_cache_alone_in_proportion():
    one, eight = (memory.estimate(TINY, 1000, 512, slots) for slots in (1, 8))
    assert eight.cache == 8 * one.cache and eight.weights == one.weights
    assert memory.estimate(TINY, 1000, 1024).cache == 2 * one.cache


def test_compute_buffer_as_llama_cpp_reports_it():
    """Its log: 15.14 and 18.64 MiB for SmolLM2-135M, 68.02 MiB for Qwen2.5-1.5B."""
    smol = Shape(30, 576, 3, 64, 1536, 49152)
    qwen = Shape(28, 1536, 2, 128, 8960, 151936)
    for shape, context, slots, said in [
        (smol, 512, 1, 15.1426), (smol, 4096, 8, 18.6426), (qwen, 512, 8, 68.0176)
    ]:  # fmt: skip
        got = memory.estimate(shape, 0, context, slots).compute / 2**20
        assert got == pytest.approx(said, rel=0.002)


def test_published_shapes():
    got = memory.from_published("Qwen/Qwen2.5-7B-Instruct", 4.89, 4096, 2)
    assert got.weights == round(7.61e9 * 4.89 / 8)
    assert got.cache == 2 * 28 * 4 * 128 * 4096 * 2 * 2
    assert got.compute == got.tokenizer == 0  # not published, so left out
    assert memory.from_published("qwen2.5:7b", 4.89, 4096, 2) == got
    with pytest.raises(BadInput, match="not published"):
        memory.from_published("gpt-4o (2024-08-06)", 4, 4096)
    with pytest.raises(UnknownName):
        memory.from_published("no-such-model", 4, 4096)


def write_gguf(path):
    import gguf
    import numpy as np

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(["a", "bb", "ccc"])
    writer.add_token_merges(["a b", "b c"])
    writer.add_embedding_length(8)
    writer.add_tensor("token_embd.weight", np.zeros((3, 8), dtype=np.float32))
    writer.add_tensor("blk.0.attn_q.weight", np.zeros((8, 8), dtype=np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def test_layout_agrees_with_the_gguf_package(tmp_path):
    from gguf import GGUFReader

    write_gguf(tmp_path / "m.gguf")
    lengths, start = gguf_layout.read(tmp_path / "m.gguf")
    assert lengths == {"tokenizer.ggml.tokens": 3, "tokenizer.ggml.merges": 2}
    assert start == min(t.data_offset for t in GGUFReader(tmp_path / "m.gguf").tensors)


@pytest.mark.parametrize(
    "content", [b"", b"GGUF", b"PK\x03\x04" + bytes(99), b"GGUF\x03" + b"\xff" * 60]
)
def test_a_broken_file_is_named(tmp_path, content):
    (tmp_path / "broken.gguf").write_bytes(content)
    with pytest.raises(BrokenFile, match=r"broken\.gguf"):
        gguf_layout.read(tmp_path / "broken.gguf")


@pytest.mark.model
@pytest.mark.parametrize("name", ["smollm2:135m", "qwen2.5-coder:1.5b"])
def test_a_packaged_file_holds_the_tensors_it_is_said_to(name):
    files = models.path(name)
    got = memory.from_file(files.gguf, 2048)
    assert 0.95 < got.weights / files.gguf.stat().st_size < 1


@pytest.mark.model
def test_an_embedding_model_is_refused():
    with pytest.raises(BadInput, match="write text"):
        memory.from_file(models.path("all-minilm").gguf, 512)


@pytest.mark.model
def test_bench_measures_a_process_of_its_own_within_a_tenth():
    args = ["--models", "smollm2:135m", "--contexts", "512", "--slots", "2", "--json"]
    done = CliRunner().invoke(app, args)
    result = json.loads(done.stdout)
    assert done.exit_code == 0 and result["ok"] and result["n"] == 1
    row = result["rows"][0]
    assert row["slots"] == 2 and abs(row["error"]) <= 0.10
    assert row["measured_at_load"] < row["measured"]
    assert row["empty"] > 10_000_000


@pytest.mark.model
def test_bench_exits_1_where_an_estimate_is_off(monkeypatch):
    monkeypatch.setattr(memory, "PROGRAM", 60_000_000)
    args = ["--models", "smollm2:135m", "--contexts", "512", "--slots", "1", "--json"]
    done = CliRunner().invoke(app, args)
    assert done.exit_code == 1 and json.loads(done.stdout)["ok"] is False


@pytest.mark.model
def test_running_sets_the_estimate_beside_the_measured():
    from workbench.llm import client as llm

    client = llm.client()
    client.generate("smollm2:135m", "An island " * 400, options={"num_predict": 2})
    got = memory.running("smollm2:135m")
    assert got.ok, got.row()
    assert got.measured == next(m.size for m in client.ps().models if m.model == "smollm2:135m")
    with pytest.raises(ModelMissing, match="not loaded"):
        memory.running("no-such-model")
    fig = memory.figure([got])
    assert fig.axes[0].get_xlabel() == "MB"
