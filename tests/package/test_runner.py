"""The runner, on small notebooks that it really executes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import nbformat
import psutil
import pytest

from workbench.cli import main
from workbench.errors import BadInput, BrokenFile, UnknownName
from workbench.runner import expectations, html, plan, record, report, runs
from workbench.runner.execute import Stop, execute

pytestmark = pytest.mark.notebook  # each starts a kernel
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
PARAMETERS = 'profile = "fast"\nk = 3\nrate = 0.5\nname = "x"\nexact = True'
RECORD = """import json, os
def record(**entry):
    with open(os.environ["WORKBENCH_RECORD"], "a") as file:
        print(json.dumps(entry), file=file)"""
GOOD = [
    "record(metric='hit_rate', value=0.2); record(metric='hit_rate', value=0.9, unit='of 1')",
    "for _ in range(2):\n"
    "    record(call={'model': 'm', 'prompt_tokens': 600, 'output_tokens': 60, 'seconds': 0.5})\n"
    "record(embed={'model': 'e', 'prompt_tokens': 9, 'texts': 4, 'seconds': 0.1})",
    "print(repr((k, rate, name, exact, profile)), os.environ['WORKBENCH_NOTEBOOK'], os.getcwd())",
    "import matplotlib.pyplot as plt\nplt.plot([3, 2, 1]); plt.show()",
    "from IPython.display import IFrame\nIFrame('http://127.0.0.1:6006', 300, 200)",
]
FAILS = ["# a comment\nx = 1 / int(os.environ.get('DIVISOR', 0))\nx"]
DIES = ["import os\nos.kill(os.getpid(), 9)"]
BROKEN = [
    "record(metric='loss', value=0.9)",
    "record(metric='drift', value=float('nan'))",
]
BOUNDS = """
[01_good]
hit_rate = {min = 0.8, max = 1.0, why = "retrieval broke"}
[03_broken]
loss = {max = 0.7, why = "training did not learn"}
missing = {min = 0}
drift = {min = -1, max = 1}
[03_broken.full]
loss = {max = 2}
"""


def notebook(path: Path, cells: list[str], parameters: str | None = PARAMETERS) -> Path:
    book = nbformat.v4.new_notebook(metadata=KERNEL)
    book.cells.append(nbformat.v4.new_markdown_cell(f"# The story of {path.stem}"))
    if parameters is not None:
        tagged = nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})
        book.cells.append(tagged)
    book.cells += [nbformat.v4.new_code_cell(source) for source in [RECORD, *cells]]
    nbformat.write(book, path)
    return path


def course_at(root: Path) -> Path:
    (root / "notebooks").mkdir(parents=True)
    (root / "nbconfig" / "profiles").mkdir(parents=True)
    profiles = root / "nbconfig" / "profiles"
    (profiles / "fast.toml").write_text("timeout = 120\n[common]\nk = 4\n[01_good]\nrate = 0.25\n")
    (profiles / "full.toml").write_text("")
    (root / "nbconfig" / "expectations.toml").write_text(BOUNDS)
    return root


def workbench(root: Path, *words: str, **env: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", "from workbench.cli import main; main()", "run", *words],
        env=os.environ | {"WORKBENCH_ROOT": str(root), "WORKBENCH_HOME": str(root / "home")} | env,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = course_at(tmp_path / "course")
    monkeypatch.setenv("WORKBENCH_ROOT", str(root))
    return root


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess]:
    """Run once: a notebook that is good, one that fails, one out of bounds, one that dies."""
    root = course_at(tmp_path_factory.mktemp("a") / "käse und brot")
    notebook(root / "notebooks" / "01_good.ipynb", GOOD)
    notebook(root / "notebooks" / "02_fails.ipynb", FAILS)
    notebook(root / "notebooks" / "03_broken.ipynb", BROKEN)
    notebook(root / "notebooks" / "04_dies.ipynb", DIES)
    return root, workbench(root, "-p", "name", "7 Isles", "-p", "exact", "false", "--json")


@pytest.fixture(scope="module")
def entries(finished) -> dict[str, dict]:
    made = json.loads((finished[0] / "runs" / "latest" / "report.json").read_text())
    return {entry["name"]: entry for entry in made["notebooks"]}


# what a run leaves


def test_exit_code_and_json(finished):
    root, done = finished
    printed = json.loads(done.stdout)
    assert done.returncode == 1
    assert printed == json.loads((root / "runs" / "latest" / "report.json").read_text())
    assert printed["profile"] == "fast" and printed["status"] == "failed"
    assert [entry["name"][:2] for entry in printed["notebooks"]] == ["01", "02", "03", "04"]
    assert "01_good: started (1 of 4)" in done.stderr


def test_good_notebook(entries):
    good = entries["01_good"]
    assert good["status"] == "ok" and good["error"] is None
    assert good["metrics"] == {"hit_rate": 0.9}
    assert (good["model_calls"], good["prompt_tokens"], good["output_tokens"]) == (2, 1200, 120)
    assert good["models"]["m"]["seconds"] == 1.0
    assert (good["embed_calls"], good["embedded_texts"]) == (1, 4)
    assert good["units"] == {"hit_rate": "of 1"}
    assert good["expectations"][0]["ok"] and good["expectations"][0]["why"] == "retrieval broke"
    assert 60 < good["tree_rss_mb"] <= good["peak_rss_mb"] < 6000
    assert good["seconds"] > 0 and good["title"] == "The story of 01_good"


def test_parameters_reach_the_notebook_with_their_types(finished):
    root, _ = finished
    book = nbformat.read(root / "runs" / "latest" / "01_good.ipynb", as_version=4)
    printed = "".join(o.text for c in book.cells for o in c.get("outputs", []) if "text" in o)
    assert "(4, 0.25, '7 Isles', False, 'fast') 01_good" in printed
    assert str(root) in printed, "a notebook runs in the repository root"


def test_failing_cell_is_named(entries):
    failed = entries["02_fails"]
    assert failed["status"] == "failed"
    assert "in cell 4 of 4: x = 1 / int(" in failed["error"]
    assert "ZeroDivisionError: division by zero" in failed["error"]


def test_dead_kernel_is_told(entries):
    assert "in cell 4 of 4: import os\nthe kernel died" in entries["04_dies"]["error"]


def test_broken_expectations_are_named(entries):
    broken = entries["03_broken"]
    assert broken["ran"] and broken["status"] == "failed"
    assert "loss is 0.9, expected at most 0.7 (training did not learn)" in broken["error"]
    assert "missing was not measured" in broken["error"]
    assert "drift is not a number" in broken["error"]
    assert broken["metrics"]["drift"] is None


def test_junit(finished):
    suites = ET.parse(finished[0] / "runs" / "latest" / "junit.xml").getroot()
    cases = {f"{c.get('classname')}: {c.get('name')}": c for c in suites.iter("testcase")}
    failed = {name for name, case in cases.items() if case.find("failure") is not None}
    assert len(cases) == 4 + 1 + 3 == int(suites.get("tests"))
    assert failed == {
        "02_fails: runs",
        "04_dies: runs",
        "03_broken: loss at most 0.7",
        "03_broken: missing at least 0",
        "03_broken: drift at least -1 and at most 1",
    }


def test_pages_load_nothing(finished):
    pages = sorted((finished[0] / "runs" / "latest").glob("*.html"))
    assert len(pages) == 5
    for page in pages:
        text = page.read_text()
        assert not re.findall(r"<(?:script|link|iframe|img)[^>]*(?:src|href)=\"(?!data:)", text)
        assert not re.findall(r"@import|url\(\s*['\"]?(?:https?:)?//", text)


def test_pages_show_figures_and_errors(finished):
    folder = finished[0] / "runs" / "latest"
    assert "data:image/png;base64," in (folder / "01_good.html").read_text()
    assert "ZeroDivisionError" in (folder / "02_fails.html").read_text()
    index = (folder / "index.html").read_text()
    assert "data:image/png;base64," in index and "The story of 01_good" in index
    assert "expected at most 0.7" in index and "02_fails.html" in index


def test_resume_runs_only_what_is_not_ok(finished):
    root, _ = finished
    before = json.loads((root / "runs" / "latest" / "report.json").read_text())["notebooks"]
    same = ["-p", "name", "7 Isles", "-p", "exact", "false"]
    done = workbench(root, "1", "02", *same, "--resume", DIVISOR="4")
    after = json.loads((root / "runs" / "latest" / "report.json").read_text())["notebooks"]
    assert len(list((root / "runs").glob("*-fast"))) == 1
    assert "01_good: ok already, kept" in done.stderr and "02_fails: started" in done.stderr
    assert after[0] == before[0] and after[2:] == before[2:]
    assert after[1]["status"] == "ok"
    assert done.returncode == 1, "03 and 04 are still failed"


# being stopped

HANGS = """import subprocess, sys, time
def start(name, **env):
    command = [sys.executable, "-c", "import time; time.sleep(600)", name]
    subprocess.Popen(command, start_new_session=True, env=os.environ | env)
start(name)
if not exact:
    start(name, WORKBENCH_DAEMON="1")
while True: time.sleep(1)"""


def having(word: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if word in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found


def wait_for(condition, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < end:
        time.sleep(0.1)
    return bool(met)


def test_time_limit_names_the_cell_and_leaves_only_daemons(course):
    path = notebook(course / "notebooks" / "04_hangs.ipynb", [HANGS])
    token = f"hung-{os.getpid()}"
    given = [("name", token), ("exact", "false")]
    job = plan.plan([path], plan.profile("fast"), given)[0]
    for limit in (8, 30, 90):
        entry = execute(job, course / "out", limit, [], Stop())
        left = having(token)
        for process in left:
            process.kill()
        if "before its first cell" not in entry["error"]:
            break
    assert entry["status"] == "failed" and entry["seconds"] < limit + 10
    assert f"time limit of {limit} s in cell 4 of 4: import subprocess" in entry["error"]
    assert len(left) == 1, "the service lives on, everything else is gone"
    book = nbformat.read(course / "out" / "04_hangs.ipynb", as_version=4)
    assert "time limit" in book.cells[-1].outputs[-1].evalue


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_stopped_run_leaves_nothing_behind(course, number):
    notebook(course / "notebooks" / "04_hangs.ipynb", [HANGS])
    token = f"stopped-{os.getpid()}-{number}"
    out = course / "out"
    words = ["04", "-p", "name", token, "--out", str(out)]
    process = subprocess.Popen(
        [sys.executable, "-c", "from workbench.cli import main; main()", "run", *words],
        env=os.environ | {"WORKBENCH_ROOT": str(course)},
        stderr=subprocess.PIPE,
        text=True,
    )
    started = wait_for(lambda: len(having(token)) == 2, 90)
    assert started, "the command and the process that the cell starts have it in their words"
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert wait_for(lambda: not having(token), 15)
    made = json.loads((out / "report.json").read_text())
    if number == signal.SIGINT:
        assert process.returncode == 130 and made["status"] == "interrupted"
        assert "stopped by Ctrl-C in cell 4 of 4" in made["notebooks"][0]["error"]
        assert f"-p name {token}" in said and "--resume" in said
    else:
        assert made["status"] == "running" and made["notebooks"] == []
        assert runs.report(out)["planned"] == ["04_hangs"]


# wrong usage


def test_unknown_names_list_the_right_ones(course):
    path = notebook(course / "notebooks" / "01_good.ipynb", GOOD)
    with pytest.raises(UnknownName, match=r"did you mean 'fast'\? there are: fast, full"):
        plan.profile("fats")
    with pytest.raises(UnknownName, match="there are: 01_good"):
        plan.find(["7"])
    with pytest.raises(UnknownName, match="there are: exact, k, name, profile, rate"):
        plan.plan([path], plan.profile("fast"), [("top_k", "3")])


@pytest.mark.parametrize(
    "words", ["09", "--profile slow", "-p top_k 3", "--nope", "-p k", "--timeout 0"]
)
def test_wrong_usage_exits_2_and_writes_nothing(course, monkeypatch, capsys, words):
    notebook(course / "notebooks" / "01_good.ipynb", GOOD)
    monkeypatch.setattr(sys, "argv", ["workbench", "run", *words.split()])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2 and capsys.readouterr().err
    assert not (course / "runs").exists()


def test_notebook_without_parameters_cell(course):
    path = notebook(course / "notebooks" / "05_bare.ipynb", [], parameters=None)
    with pytest.raises(BadInput, match=r"05_bare.ipynb has no cell tagged 'parameters'"):
        plan.plan([path], plan.profile("fast"))


def test_notebook_cut_short(course):
    path = notebook(course / "notebooks" / "05_cut.ipynb", [])
    path.write_text(path.read_text()[:100])
    with pytest.raises(BrokenFile, match="05_cut"):
        plan.plan([path], plan.profile("fast"))


def test_profile_names_an_unknown_parameter(course):
    path = notebook(course / "notebooks" / "01_good.ipynb", GOOD)
    (course / "nbconfig" / "profiles" / "full.toml").write_text("[01_good]\nkay = 1\n")
    with pytest.raises(UnknownName, match=r"profile 'full', \[01_good\]: 'kay'"):
        plan.plan([path], plan.profile("full"))


@pytest.mark.parametrize("text", ["timeout = -1", "k = 3", "[common"])
def test_profile_file_that_is_not_right(course, text):
    (course / "nbconfig" / "profiles" / "full.toml").write_text(text)
    with pytest.raises(BadInput, match=re.escape("full.toml")):
        plan.profile("full")


@pytest.mark.parametrize(
    ("text", "default", "value"),
    [
        ("5", 3, 5),
        ("1e-3", 0.5, 0.001),
        ("true", False, True),
        ("5", "x", "5"),
        ("['a', 'b']", None, ["a", "b"]),
        ("smollm2:135m", None, "smollm2:135m"),
    ],
)
def test_typed(text, default, value):
    got = plan.typed("p", text, default)
    assert got == value and type(got) is type(value)


@pytest.mark.parametrize(("text", "default"), [("five", 3), ("2", True), ("True", 1)])
def test_typed_refuses(text, default):
    with pytest.raises(BadInput, match="'p'"):
        plan.typed("p", text, default)


@pytest.mark.parametrize("text", ["loss = 1", "[01_good]\nloss = 1", "[a]\nb = {mim = 1}", "[a"])
def test_expectations_file_that_is_not_right(course, text):
    expectations.path().write_text(text)
    with pytest.raises(BadInput, match=re.escape("expectations.toml")):
        expectations.load("fast")


def test_expectations_of_a_profile_override(course):
    assert str(expectations.load("fast")["03_broken"][0]) == "at most 0.7"
    assert str(expectations.load("full")["03_broken"][0]) == "at most 2"


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), -0.1, 1.1])
def test_bound_breaks(value):
    assert not expectations.Bound("m", 0, 1).holds(value)
    assert expectations.Bound("m", 0, 1).holds(1.0)


# pieces


def test_record_passes_over_a_line_cut_short(tmp_path):
    path = tmp_path / "record.jsonl"
    path.write_text(
        '{"metric": "a", "value": 1}\n{"call": {"model": "m"}}\n[1]\n{"metric": "b", "va'
    )
    read = record.read(path)
    assert read.metrics == {"a": 1.0} and read.total.calls == 1
    assert record.read(tmp_path / "none").metrics == {}


def test_fingerprint_changes_with_source_parameters_and_profile(course):
    path = notebook(course / "notebooks" / "01_good.ipynb", GOOD)

    def fingerprint(profile="fast", given=()):
        return plan.plan([path], plan.profile(profile), list(given))[0].fingerprint

    first = fingerprint()
    assert first == fingerprint()
    assert len({first, fingerprint("full"), fingerprint(given=[("k", "9")])}) == 3
    notebook(path, [*GOOD, "1"])
    assert fingerprint() != first


def test_two_runs_get_two_folders_and_one_folder_one_run(course):
    one, two = runs.new("fast"), runs.new("fast")
    assert one != two
    with runs.locked(one), pytest.raises(BadInput, match="another run"), runs.locked(one):
        pass
    with runs.locked(one), runs.locked(two):
        pass


def test_out_that_is_a_file(course):
    (course / "file").write_text("")
    with pytest.raises(BadInput, match="is a file"), runs.locked(course / "file"):
        pass


def test_junit_survives_colour_codes():
    entry = {"name": "n", "seconds": 1, "started": "", "ran": False, "expectations": []}
    made = {
        "profile": "fast",
        "seconds": 1,
        "notebooks": [entry | {"error": "\x1b[31mred\x00 & <b>"}],
    }
    failure = ET.fromstring(report.junit(made).split("\n", 1)[1]).find(".//failure")
    assert failure.get("message") == "red & <b>"


def test_offline_replaces_what_would_be_fetched():
    page = html.offline(
        '<script src="https://cdn.example/x.js"></script><script>1</script><img src="data:,">'
        '<iframe src="/proxy/6006"></iframe><img src="//cdn.example/a.png">'
    )
    assert "<script>1</script>" in page and 'src="data:,"' in page
    assert "iframe" not in page and "x.js" not in page
    assert page.count('<a class="live"') == 2 or page.count("<a ") == 2
