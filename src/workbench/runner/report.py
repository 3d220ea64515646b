"""``report.json`` and ``junit.xml`` of a run, written after every notebook."""

from __future__ import annotations

import json
import math
import os
import platform
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import psutil

from workbench.runner import expectations, runs

#: Characters that XML cannot hold, and colour codes of terminals.
NOT_XML = re.compile(r"\x1b\[[0-9;]*m|[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def new(profile: str, planned: list[str], started: str) -> dict[str, Any]:
    """The report of a run that has executed nothing yet."""
    return {
        "profile": profile,
        "status": "running",
        "started": started,
        "seconds": 0.0,
        "planned": planned,
        "machine": {
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
            "cpus": os.cpu_count(),
            "memory_mb": round(psutil.virtual_memory().total / 1e6),
        },
        "notebooks": [],
    }


def write(report: dict[str, Any], folder: Path) -> None:
    """Write ``report.json`` and ``junit.xml`` in a run folder, each whole or not at all."""
    put(folder / "junit.xml", junit(report))
    put(folder / runs.REPORT, json.dumps(plain(report), indent=2, ensure_ascii=False) + "\n")


def put(path: Path, text: str) -> None:
    """Write a text file aside and rename it."""
    part = path.with_suffix(path.suffix + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def plain(value: Any) -> Any:
    """A copy that JSON can hold: numbers that are not finite become null."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def junit(report: dict[str, Any]) -> str:
    """JUnit XML: a suite for each notebook, a case for its run and one for each expectation."""
    root = ET.Element("testsuites", name=f"workbench run {report['profile']}")
    for entry in report["notebooks"]:
        cases = [_run_case(entry), *(_bound_case(entry, bound) for bound in entry["expectations"])]
        suite = ET.SubElement(root, "testsuite", name=entry["name"], time=str(entry["seconds"]))
        suite.set("timestamp", entry["started"])
        suite.extend(cases)
        _count(suite, cases)
    _count(root, list(root.iter("testcase")))
    root.set("time", str(report["seconds"]))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _count(element: ET.Element, cases: list[ET.Element]) -> None:
    element.set("tests", str(len(cases)))
    element.set("failures", str(sum(case.find("failure") is not None for case in cases)))
    element.set("errors", "0")


def _run_case(entry: dict[str, Any]) -> ET.Element:
    case = ET.Element("testcase", classname=entry["name"], name="runs", time=str(entry["seconds"]))
    if not entry["ran"]:
        _fail(case, entry["error"])
    return case


def _bound_case(entry: dict[str, Any], bound: dict[str, Any]) -> ET.Element:
    name = f"{bound['metric']} {expectations.Bound(bound['metric'], bound['min'], bound['max'])}"
    case = ET.Element("testcase", classname=entry["name"], name=name, time="0")
    if not bound["ok"]:
        _fail(case, expectations.sentence(bound))
    return case


def _fail(case: ET.Element, text: str) -> None:
    clean = NOT_XML.sub("", text)
    ET.SubElement(case, "failure", message=clean.splitlines()[0]).text = clean
