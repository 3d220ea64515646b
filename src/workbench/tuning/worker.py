"""The training process: ``python -m workbench.tuning.worker``, started by ``train``.

The job is one line of JSON on standard input; events are JSON lines on standard output. All that
the libraries print goes to standard error.
"""

from __future__ import annotations

import errno
import json
import os
import re
import resource
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.errors import BadInput, MissingPiece, OutOfRoom, WorkbenchError
from workbench.tuning.result import RESULT, Step

Emit = Callable[[str, dict[str, Any]], None]
MAX_NEW_TOKENS = 40


def main() -> None:
    """Run the job on standard input; end at once when that input closes."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def emit(event: str, values: dict[str, Any]) -> None:
        print(json.dumps({"event": event, "values": values}), file=events, flush=True)

    try:
        emit("result", run(job, emit))
    except Exception as error:
        known = explain(error)
        if known is None:
            raise
        emit("error", {"kind": type(known).__name__, "what": known.what, "fix": known.fix})


def explain(error: Exception) -> WorkbenchError | None:
    """The error as one that a person can act on, where it is of such a kind."""
    if isinstance(error, WorkbenchError):
        return error
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return OutOfRoom("the disk is full; no adapter was written", "free some space")
    if isinstance(error, MemoryError) or re.search("out of memory|allocate memory", str(error)):
        return OutOfRoom(
            "memory ran out in training", "train with a smaller batch, or a smaller max_length"
        )
    return None


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)


def run(job: dict[str, Any], emit: Emit) -> dict[str, Any]:
    """Train as the job says; the values of a TuneResult."""
    unsloth = _unsloth(job)
    import torch
    from transformers import set_seed

    from workbench.tuning import weights

    torch.set_num_threads(job["threads"])
    set_seed(job["seed"])
    model, tokenizer = load(unsloth, weights.hf_folder(job["base"]), job)
    sets = {
        name: prompt_completions(job[name], tokenizer, job["max_length"])
        for name in ("train", "held_out")
    }
    left_out = sum(len(job[name]) - len(rows) for name, rows in sets.items())
    for name, rows in sets.items():
        if not rows:
            what = f"no {name.replace('_', '-')} example fits in {job['max_length']} tokens"
            raise BadInput(what, "shorten the contexts, or raise max_length")
    with tempfile.TemporaryDirectory() as scratch:
        trainer = make_trainer(model, tokenizer, sets, job, scratch)
        trainer.add_callback(_reporter(job["steps"], emit))
        scores = _train(trainer)
    samples = _samples(unsloth, model, tokenizer, sets["held_out"][: job["samples"]], job)
    values = _values(job, model, scores, sets, left_out, samples)
    _save(model, Path(job["out"]), values)
    return values


def _unsloth(job: dict[str, Any]) -> Any:
    """Unsloth, imported before transformers, on the device that the preflight promised."""
    if job["device"] == "cpu":
        os.environ["UNSLOTH_FORCE_CPU"] = "1"
    from unsloth import FastLanguageModel

    import torch  # isort: skip

    if job["device"] == "cuda" and not torch.cuda.is_available():
        raise MissingPiece("the CUDA device is gone", "try again, or use device='cpu'")
    return FastLanguageModel


def load(unsloth: Any, folder: Path, job: dict[str, Any]) -> tuple[Any, Any]:
    """The base model with a fresh adapter on all its linear layers, and its tokenizer."""
    length = job["max_length"] + MAX_NEW_TOKENS
    model, tokenizer = unsloth.from_pretrained(
        str(folder), max_seq_length=length, load_in_4bit=False, use_gradient_checkpointing=False
    )
    model = unsloth.get_peft_model(
        model,
        r=job["rank"],
        lora_alpha=2 * job["rank"],
        random_state=job["seed"],
        use_gradient_checkpointing=False,
    )
    return model, tokenizer


def prompt_completions(chats: list[dict], tokenizer: Any, max_length: int) -> list[dict[str, str]]:
    """Prompt and completion as texts in the model's chat format; those too long are left out."""
    rows = [_prompt_completion(chat, tokenizer) for chat in chats]
    return [
        r for r in rows if len(tokenizer(r["prompt"] + r["completion"])["input_ids"]) <= max_length
    ]


def _prompt_completion(chat: dict, tokenizer: Any) -> dict[str, str]:
    prompt = tokenizer.apply_chat_template(
        chat["messages"], tokenize=False, add_generation_prompt=True
    )
    answer = chat["answer"].strip()
    return {
        "prompt": prompt,
        "completion": answer + tokenizer.eos_token,
        "question": chat["question"],
        "answer": answer,
    }


def make_trainer(model: Any, tokenizer: Any, sets: dict[str, list], job: dict, scratch: str) -> Any:
    """TRL's trainer, with the loss on completion tokens only."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    rows = {
        name: Dataset.from_list([{k: r[k] for k in ("prompt", "completion")} for r in part])
        for name, part in sets.items()
    }
    settings = SFTConfig(
        output_dir=scratch,
        max_steps=job["steps"],
        learning_rate=job["learning_rate"],
        lr_scheduler_type="linear",
        per_device_train_batch_size=job["batch"],
        per_device_eval_batch_size=job["batch"],
        max_length=job["max_length"],
        completion_only_loss=True,
        gradient_checkpointing=False,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=job["seed"],
    )
    return SFTTrainer(
        model=model,
        processing_class=tokenizer,
        args=settings,
        train_dataset=rows["train"],
        eval_dataset=rows["held_out"],
    )


def _reporter(steps: int, emit: Emit) -> Any:
    from transformers import TrainerCallback

    class Reporter(TrainerCallback):
        """Sends each step's loss as it is logged."""

        began = 0.0

        def on_train_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
            self.began = time.perf_counter()

        def on_log(self, args: Any, state: Any, control: Any, logs: dict, **rest: Any) -> None:
            if "loss" in logs:
                took = time.perf_counter() - self.began
                step = Step(state.global_step, steps, float(logs["loss"]), took)
                emit("step", vars(step))

    return Reporter()


def _train(trainer: Any) -> dict[str, Any]:
    before = trainer.evaluate()["eval_loss"]
    began = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - began
    logs = trainer.state.log_history
    return {
        "losses": [float(log["loss"]) for log in logs if "loss" in log],
        "held_out_before": float(before),
        "seconds": seconds,
        "tokens": int(next(log["num_tokens"] for log in reversed(logs) if "num_tokens" in log)),
        "held_out_after": float(trainer.evaluate()["eval_loss"]),
    }


def _samples(unsloth: Any, model: Any, tokenizer: Any, rows: list[dict], job: dict) -> list[dict]:
    """Answers to held-out questions without and with the adapter, all in one batch."""
    if not rows:
        return []
    unsloth.for_inference(model)
    inputs = tokenizer(
        [row["prompt"] for row in rows], return_tensors="pt", padding=True, padding_side="left"
    ).to(model.device)

    def answers() -> list[str]:
        made = model.generate(
            **inputs,
            max_new_tokens=MAX_NEW_TOKENS,
            do_sample=False,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
        return tokenizer.batch_decode(
            made[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True
        )

    with model.disable_adapter():
        before = answers()
    return [
        {
            "question": row["question"],
            "reference": row["answer"],
            "before": b.strip(),
            "after": a.strip(),
        }
        for row, b, a in zip(rows, before, answers(), strict=True)
    ]


def _values(
    job: dict, model: Any, scores: dict, sets: dict[str, list], left_out: int, samples: list[dict]
) -> dict[str, Any]:
    trainable, total = model.get_nb_trainable_parameters()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    same = ("base", "device", "rank", "steps", "batch", "learning_rate", "max_length", "seed")
    return {
        **{key: job[key] for key in same},
        **scores,
        "adapter": job["out"],
        "dtype": str(model.dtype).removeprefix("torch."),
        "trained_on": len(sets["train"]),
        "held_out": len(sets["held_out"]),
        "left_out": left_out,
        "trainable_parameters": trainable,
        "total_parameters": total,
        "total_seconds": 0.0,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_memory_mb": usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3),
        "samples": samples,
    }


def _save(model: Any, out: Path, values: dict[str, Any]) -> None:
    """The adapter with its result, written aside; an older one of that name goes last."""
    part, old = out.with_name(f"{out.name}.part"), out.with_name(f"{out.name}.old")
    for folder in (part, old):
        shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(part)
    (part / "README.md").unlink()  # PEFT's model card, a form nobody filled in
    (part / RESULT).write_text(json.dumps(values, indent=1), encoding="utf-8")
    if out.exists():
        out.replace(old)
    part.replace(out)
    shutil.rmtree(old, ignore_errors=True)


if __name__ == "__main__":
    main()
