"""The pairing check sees a difference on either side, and the update heals it."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "nbconfig"))

import pairing as script_of_make_pair  # noqa: E402

SCRIPT = """# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A title

# %% tags=["parameters"]
profile = "fast"

# %%
print(profile)
"""


def pairing(what: str, folder: Path, *options: str) -> tuple[int, str]:
    """Exit code of a call, and what it printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = script_of_make_pair.main([what, *options, "--folder", str(folder)])
    return code, printed.getvalue()


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A notebook and its script, in step."""
    script = tmp_path / "notebooks" / "py" / "01_one.py"
    script.parent.mkdir(parents=True)
    script.write_text(SCRIPT, encoding="utf-8")
    assert pairing("update", tmp_path / "notebooks")[0] == 0
    return tmp_path / "notebooks" / "01_one.ipynb", script


def ids(notebook: Path) -> list[str]:
    return [cell.id for cell in nbformat.read(notebook, as_version=4).cells]


def test_a_new_notebook_has_its_parameters_tag_and_its_kernel(pair: tuple[Path, Path]) -> None:
    book = nbformat.read(pair[0], as_version=4)
    assert book.cells[1].metadata.tags == ["parameters"]
    assert book.metadata.kernelspec.name == "python3"


def test_a_changed_script_is_seen_and_wins_and_ids_stay(pair: tuple[Path, Path]) -> None:
    notebook, script = pair
    before = ids(notebook)
    script.write_text(SCRIPT.replace("print(profile)", "print(profile, 2)"), encoding="utf-8")
    code, said = pairing("check", notebook.parent)
    assert code == 1 and "differ at cell 3" in said and "make pair" in said
    assert pairing("update", notebook.parent)[0] == 0
    assert "print(profile, 2)" in notebook.read_text(encoding="utf-8")
    assert ids(notebook) == before


def test_a_changed_notebook_is_seen_and_can_win(pair: tuple[Path, Path]) -> None:
    notebook, script = pair
    book = nbformat.read(notebook, as_version=4)
    book.cells[2].source = "print('changed in Jupyter')"
    nbformat.write(book, notebook)
    assert pairing("check", notebook.parent)[0] == 1
    assert pairing("update", notebook.parent, "--from", "ipynb")[0] == 0
    assert "changed in Jupyter" in script.read_text(encoding="utf-8")


def test_a_lost_tag_is_a_difference(pair: tuple[Path, Path]) -> None:
    notebook, _ = pair
    book = nbformat.read(notebook, as_version=4)
    del book.cells[1].metadata["tags"]
    nbformat.write(book, notebook)
    assert pairing("check", notebook.parent)[0] == 1


def test_outputs_are_not_committed(pair: tuple[Path, Path]) -> None:
    notebook, _ = pair
    book = nbformat.read(notebook, as_version=4)
    book.cells[2].outputs = [nbformat.v4.new_output("stream", text="fast\n")]
    nbformat.write(book, notebook)
    code, said = pairing("check", notebook.parent)
    assert code == 1 and "nbstripout --keep-id" in said
    strip = [str(Path(sys.prefix, "bin", "nbstripout")), "--keep-id", str(notebook)]
    subprocess.run(strip, check=True)
    assert pairing("check", notebook.parent)[0] == 0


def test_half_a_pair_is_named(pair: tuple[Path, Path]) -> None:
    notebook, script = pair
    script.unlink()
    code, said = pairing("check", notebook.parent)
    assert code == 1 and "01_one.py is missing" in said


def test_the_courses_notebooks_equal_their_scripts() -> None:
    code, said = pairing("check", ROOT / "notebooks")
    assert code == 0, said
