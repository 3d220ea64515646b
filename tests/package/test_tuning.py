"""Fine-tuning: examples checked, losses on answers only, a real run, and nothing half-written."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from workbench import prompts, tuning
from workbench.errors import BadInput, BrokenFile, MissingPiece, OutOfRoom, UnknownName
from workbench.settings import settings
from workbench.tuning import data
from workbench.tuning.preflight import native_bf16
from workbench.tuning.train import _environment
from workbench.tuning.worker import _save, explain

CURATED = settings().data / "tuning" / "curated.jsonl"


def example(number: int = 0, **changes: object) -> dict:
    base = {
        "question": f"What does cabin {number} cost?",
        "context": f"Cabin {number} costs {number}0 kr a night. Towels are in the cupboard.",
        "answer": f"It costs {number}0 kr.",
    }
    return {**base, **changes}


def written(folder: Path, *lines: str) -> Path:
    path = folder / "examples.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


# ---- examples


def test_examples_keep_their_fields_and_odd_characters(tmp_path: Path) -> None:
    first, second = example(1, id="a"), example(2, answer="Kr 20 \u2028 for Åse")
    lines = [json.dumps(first), "", json.dumps(second, ensure_ascii=False), ""]
    assert tuning.load_examples(written(tmp_path, *lines)) == [first, second]


def test_every_malformed_line_is_named_with_its_field(tmp_path: Path) -> None:
    lacking = {key: value for key, value in example().items() if key != "answer"}
    bad = [example(question=" "), example(context=7), lacking]
    path = written(tmp_path, json.dumps(example()), *map(json.dumps, bad), "{", "[1]")
    with pytest.raises(BadInput) as caught:
        tuning.load_examples(path)
    for said in (
        "5 malformed",
        "line 2: field 'question' is empty",
        "line 3: field 'context' must be text, this is int",
        "line 4: field 'answer' is missing",
        "line 5: not JSON",
        "line 6: a JSON object is needed, this is list",
    ):
        assert said in caught.value.what
    assert "question, context and answer" in caught.value.fix


def test_a_long_list_of_malformed_lines_is_cut_after_ten(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="and 4 more") as caught:
        tuning.load_examples(written(tmp_path, *["{}"] * 14))
    assert caught.value.what.count("line ") == 10


def test_files_that_hold_no_examples(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        tuning.load_examples(tmp_path / "absent.jsonl")
    with pytest.raises(BadInput, match="no examples"):
        tuning.load_examples(written(tmp_path, "", " "))
    (tmp_path / "latin.jsonl").write_bytes('{"question": "Åse"}'.encode("latin-1"))
    with pytest.raises(BadInput, match="not UTF-8"):
        tuning.load_examples(tmp_path / "latin.jsonl")


def test_training_puts_an_example_as_the_assistant_does() -> None:
    messages = tuning.render(example(3, source="cabin-prices"))
    roles = [role for role, _ in prompts.get("answer").messages]
    assert [m["role"] for m in messages] == roles
    assert "[cabin-prices]\nCabin 3 costs 30 kr" in messages[-1]["content"]
    assert "What does cabin 3 cost?" in messages[-1]["content"]
    assert "It costs 30 kr." not in str(messages)


def test_no_context_stands_on_both_sides_of_the_split() -> None:
    examples = tuning.load_examples(CURATED)
    kept, held = data.split(examples, 0.1)
    assert len(kept) + len(held) == len(examples) and 16 <= len(held) <= 24
    assert not {e["context"] for e in kept} & {e["context"] for e in held}
    assert data.split(examples, 0.1) == (kept, held)


def test_examples_that_leave_nothing_to_train_on_are_refused() -> None:
    with pytest.raises(BadInput, match="leave none to train on"):
        data.split([example(1), example(1)], 0.5)


# ---- before training


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"rank": -1}, "rank is -1"),
        ({"batch": 1.5}, "batch is 1.5"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"holdout": 1}, "holdout is 1"),
        ({"name": "../x"}, "cannot name an adapter"),
        ({"device": "tpu"}, "unknown device 'tpu'"),
    ],
)
def test_settings_that_cannot_be_used_are_named(setting: dict, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        tuning.train([example(1), example(2)], **setting)


def test_a_base_model_that_does_not_exist_is_refused_before_anything_starts() -> None:
    with pytest.raises(UnknownName, match="smollm3"):
        tuning.train([example(1), example(2)], base="smollm3")


def test_preflight_says_what_it_found_and_grows_with_the_work() -> None:
    small, large = tuning.preflight(1000, "cpu"), tuning.preflight(100_000, "cpu")
    assert small.device == "cpu" and small.threads >= 1 and small.notes == []
    assert small.seconds and large.seconds and large.seconds > small.seconds
    assert f"training on cpu in {small.dtype}" in str(small)
    assert "for 1,000 tokens" in str(small)
    assert "for each 1,000 tokens" in str(tuning.preflight(device="cpu"))


def test_cuda_is_not_replaced_silently(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda name: "2.13.0+cpu")
    with pytest.raises(MissingPiece, match="no CUDA device"):
        tuning.preflight(device="cuda")
    found = tuning.preflight(device="auto")
    assert found.device == "cpu" and "no GPU used: torch is the CPU build" in found.notes[0]


def test_too_little_memory_is_said_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    free = psutil.virtual_memory()._replace(available=10**9)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    with pytest.raises(OutOfRoom, match="1,000 MB are free"):
        tuning.preflight(device="cpu")


def test_bfloat16_is_read_from_the_processor_flags(tmp_path: Path) -> None:
    flags = tmp_path / "cpuinfo"
    flags.write_text("flags\t: fpu avx512f avx512_bf16 rdpid\n")
    assert native_bf16(flags)
    flags.write_text("flags\t: fpu avx512f avx512_bf1\n")
    assert not native_bf16(flags) and not native_bf16(tmp_path / "absent")


def test_an_adapter_without_its_result_is_a_broken_file(tmp_path: Path) -> None:
    with pytest.raises(BrokenFile, match=r"no readable result\.json"):
        tuning.TuneResult.load(tmp_path)


# ---- training


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working copy of its own, so that no run touches this one's artifacts."""
    monkeypatch.setenv("WORKBENCH_ROOT", str(tmp_path))
    return tmp_path / "artifacts" / "tuning"


def short() -> list[dict]:
    return tuning.load_examples(CURATED)[:24]


def brief(example: dict) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"{example['context']}\n{example['question']}"}]


@pytest.mark.model
def test_a_real_run_lowers_the_loss_on_unseen_examples_and_keeps_its_adapter(room: Path) -> None:
    steps: list[tuning.Step] = []
    made = tuning.train(
        short(), steps=4, batch=2, learning_rate=2e-3, samples=1, render=brief, on_step=steps.append
    )
    assert [s.step for s in steps] == [1, 2, 3, 4] and [s.loss for s in steps] == made.losses
    assert made.held_out_after < made.held_out_before
    assert made.adapter == room / "lora" and (made.adapter / "adapter_model.safetensors").is_file()
    assert 0.01 < made.trainable_share < 0.03 and made.tokens > 400
    assert made.peak_memory_mb < 3000 and made.device == "cpu"
    assert made.samples[0].reference and made.samples[0].before
    assert tuning.TuneResult.load(made.adapter).losses == made.losses
    left = sorted(p.name for p in room.iterdir() if p.name != "unsloth_compiled_cache")
    assert left == ["lora", "lora.lock", "lora.log"]
    alt = repr(made.figure())
    assert f"from {made.held_out_before:.2f} to {made.held_out_after:.2f}" in alt


LABELS = """
import json, sys
from workbench.tuning import worker, weights

chats, scratch = json.loads(sys.argv[1]), sys.argv[2]
job = {"device": "cpu", "max_length": 120, "rank": 2, "seed": 0, "batch": 2, "steps": 2}
job["learning_rate"] = 0
unsloth = worker._unsloth(job)
model, tokenizer = worker.load(unsloth, weights.hf_folder("smollm2:135m"), job)
rows = worker.prompt_completions(chats, tokenizer, job["max_length"])
sets = {"train": rows, "held_out": rows}
trainer = worker.make_trainer(model, tokenizer, sets, job, scratch)
batch = next(iter(trainer.get_train_dataloader()))
pairs = [list(zip(*pair)) for pair in zip(batch["input_ids"].tolist(), batch["labels"].tolist())]
scored = [tokenizer.decode([i for i, label in pair if label != -100]) for pair in pairs]
whole = [tokenizer.decode([i for i, _ in pair]) for pair in pairs]
print("RESULT" + json.dumps([sorted(zip(scored, whole)), worker._train(trainer)]))
"""


@pytest.mark.model
def test_only_answers_are_scored_and_a_learning_rate_of_zero_changes_nothing(room: Path) -> None:
    examples = [
        example(1),
        example(22, answer="It costs 220 kr, and the towels are free."),
        example(3, context="word " * 200),
    ]
    chats = [{"messages": brief(e), **e} for e in examples]
    room.mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, "-c", LABELS, json.dumps(chats), str(room)],
        capture_output=True,
        text=True,
        cwd=room,
        env=_environment(),
    )
    assert done.returncode == 0, done.stderr
    said, scores = json.loads(done.stdout.split("RESULT")[1])
    assert [scored for scored, _ in said] == [
        "It costs 10 kr.<|im_end|>",
        "It costs 220 kr, and the towels are free.<|im_end|>",
    ]  # and the third, which is too long, not at all
    assert "<|im_start|>user\nCabin 1 costs 10 kr a night." in said[0][1]
    assert "<|im_start|>assistant\nIt costs 10 kr.<|im_end|>" in said[0][1]
    assert scores["held_out_after"] == pytest.approx(scores["held_out_before"], abs=1e-4)


RUN = """
from workbench import tuning
tuning.train(tuning.load_examples({path!r}), steps=500, name="cut")
"""


@pytest.mark.model
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_run_leaves_no_process_and_keeps_the_earlier_adapter(
    room: Path, sent: signal.Signals
) -> None:
    (room / "cut").mkdir(parents=True)
    (room / "cut" / "kept").write_text("an earlier adapter")
    parent = subprocess.Popen(
        [sys.executable, "-c", RUN.format(path=str(CURATED))],
        stderr=subprocess.DEVNULL,
        env={**os.environ, "WORKBENCH_ROOT": str(room.parents[1])},
    )
    worker = _worker_of(parent.pid)
    parent.send_signal(sent)
    assert parent.wait(30) != 0
    assert not psutil.wait_procs([worker], timeout=30)[1]
    assert [p.name for p in (room / "cut").iterdir()] == ["kept"]
    assert not (room / "cut.part").exists()


def _worker_of(pid: int) -> psutil.Process:
    """The training process that this one starts, once it has its job."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for child in psutil.Process(pid).children(recursive=True):
            if "workbench.tuning.worker" in child.cmdline() and child.num_threads() > 1:
                return child
        time.sleep(0.1)
    raise AssertionError("no training process was started")


class Broken:
    """A model whose disk is full halfway."""

    def save_pretrained(self, folder: Path) -> None:
        folder.mkdir()
        (folder / "adapter_model.safetensors").write_bytes(b"half")
        raise OSError("No space left on device")


def test_an_adapter_that_cannot_be_written_replaces_nothing(tmp_path: Path) -> None:
    (tmp_path / "lora").mkdir()
    (tmp_path / "lora" / "kept").write_text("an earlier adapter")
    with pytest.raises(OSError, match="No space left"):
        _save(Broken(), tmp_path / "lora", {})
    assert [p.name for p in (tmp_path / "lora").iterdir()] == ["kept"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes"), "memory ran out"),
        (MemoryError(), "memory ran out"),
    ],
)
def test_a_full_disk_and_full_memory_are_explained(error: Exception, said: str) -> None:
    known = explain(error)
    assert isinstance(known, OutOfRoom) and said in known.what and known.fix


def test_an_error_of_our_own_stays_and_an_unknown_one_is_not_dressed_up() -> None:
    ours = BadInput("no", "yes")
    assert explain(ours) is ours and explain(ValueError("odd")) is None
