"""One ingestion of the benchmark: prints files done as JSON lines, then what came of it."""

from __future__ import annotations

import json
import os
import sys


def _cpu_seconds() -> tuple[float, float]:
    """Processor time of this process and of its readers, which have ended by now."""
    times = os.times()
    return times.user + times.system, times.children_user + times.children_system


def main() -> None:
    from workbench.retrieval.ingest import ingest

    def say(done: int, total: int) -> None:
        print(json.dumps({"done": done, "total": total}), flush=True)

    folder, path, workers = sys.argv[1:]
    report = ingest(folder, path, progress=say, workers=int(workers))
    changes = report.changes
    result = {
        "seconds": round(report.seconds, 2),
        "documents": report.documents,
        "passages": changes.added + changes.changed + changes.unchanged,
        "read": report.read,
        "embedded": report.embedded,
        "skipped": len(report.skipped),
        "cpu_seconds": round(sum(_cpu_seconds()), 2),
    }
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
