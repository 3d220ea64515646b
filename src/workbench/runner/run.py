"""A run: notebooks one after the other, with the report and pages brought up to date after each."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Any

from workbench.runner import expectations, html, report, runs
from workbench.runner.execute import Files, Stop, execute
from workbench.runner.plan import Job, Profile
from workbench.runner.progress import Progress


def run(
    jobs: list[Job],
    profile: Profile,
    folder: Path,
    progress: Progress,
    timeout: float | None = None,
    resume: bool = False,
) -> dict[str, Any]:
    """Execute ``jobs`` into ``folder`` and return the report, as ``report.json`` has it.

    With ``resume``, what the folder has of unchanged notebooks that were ok is kept. ``timeout`` in
    seconds takes the place of the profile's. Ctrl-C ends the run; its report has ``interrupted``.
    """
    bounds = expectations.load(profile.name)
    with runs.locked(folder), Stop() as stop:
        before = runs.report(folder) if resume else {}
        kept = _kept(before, jobs, bounds, folder)
        made = _begin(before, profile, jobs, kept)
        already, began = made["seconds"], time.monotonic()
        _write(made, folder)
        runs.point_latest(folder)
        for job in jobs:
            if job.name in kept:
                progress.keep(kept[job.name])
                continue
            if stop.asked:
                break
            look = progress.start(job.name)
            limit = timeout or profile.timeout
            entry = execute(job, folder, limit, bounds.get(job.name, []), stop, look)
            _add(made, entry)
            made["seconds"] = round(already + time.monotonic() - began, 2)
            report.write(made, folder)
            html.page(Files(folder, job.name), job)
            html.index(made, folder)
            progress.finish(entry)
        made["status"] = _status(made, stop)
        _write(made, folder)
    return report.plain(made)


def _kept(before: dict[str, Any], jobs: list[Job], bounds, folder: Path) -> dict[str, Any]:
    """Entries of an earlier session that still hold: ok, unchanged, within today's bounds."""
    prints = {job.name: job.fingerprint for job in jobs}
    kept = {}
    for entry in before.get("notebooks", []):
        name = entry["name"]
        checked = expectations.check(bounds.get(name, []), entry["metrics"])
        same = entry["fingerprint"] == prints.get(name, entry["fingerprint"])
        holds = entry["status"] == "ok" and same and all(bound["ok"] for bound in checked)
        if holds and Files(folder, name).notebook.exists():
            kept[name] = entry | {"expectations": checked}
    return kept


def _begin(before: dict[str, Any], profile: Profile, jobs: list[Job], kept) -> dict[str, Any]:
    started = before.get("started") or datetime.now().astimezone().isoformat(timespec="seconds")
    names = [job.name for job in jobs]
    planned = sorted({*before.get("planned", []), *names}) if before else names
    made = report.new(profile.name, planned, started)
    made["seconds"] = before.get("seconds", 0.0)
    again = set(names) - set(kept)
    old = [kept.get(entry["name"], entry) for entry in before.get("notebooks", [])]
    made["notebooks"] = [entry for entry in old if entry["name"] not in again]
    return made


def _add(made: dict[str, Any], entry: dict[str, Any]) -> None:
    order = {name: place for place, name in enumerate(made["planned"])}
    entries = [old for old in made["notebooks"] if old["name"] != entry["name"]] + [entry]
    made["notebooks"] = sorted(entries, key=lambda e: order.get(e["name"], len(order)))


def _status(made: dict[str, Any], stop: Stop) -> str:
    if stop.asked:
        return "interrupted"
    if any(entry["status"] != "ok" for entry in made["notebooks"]):
        return "failed"
    return "ok" if len(made["notebooks"]) == len(made["planned"]) else "unfinished"


def _write(made: dict[str, Any], folder: Path) -> None:
    report.write(made, folder)
    html.index(made, folder)
