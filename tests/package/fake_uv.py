#!/usr/bin/env python3
"""A double of uv for the set-up's tests: notes each call, makes what the set-up looks for.

FAKE_UV_FAIL names a word; the call that has it exits 1. FAKE_UV_SLEEP delays each call by seconds.
"""

import json
import os
import sys
import time
from pathlib import Path

arguments = sys.argv[1:]
if arguments == ["--version"]:
    print("uv 0.13.9 (a double)")
    sys.exit(0)
asked = {name: value for name, value in os.environ.items() if name.startswith("UV_")}
with Path("uv-calls.jsonl").open("a", encoding="utf-8") as file:
    file.write(json.dumps({"arguments": arguments, "environment": asked}) + "\n")
try:
    time.sleep(float(os.environ.get("FAKE_UV_SLEEP", "0")))
except KeyboardInterrupt:
    sys.exit(130)
if os.environ.get("FAKE_UV_FAIL", "nothing") in arguments:
    sys.exit(1)
if arguments[0] == "venv":
    python = Path(arguments[-1], "bin", "python")
    python.parent.mkdir(parents=True, exist_ok=True)
    python.unlink(missing_ok=True)
    python.symlink_to(sys.executable)
