"""The page on licences names every installed package that asks for more than its notices."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import Distribution, distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
ASKS = re.compile(r"GPL|MPL|Mozilla|GNU|Elastic|SSPL|BUSL|EUPL|Commons Clause", re.IGNORECASE)


def licence(package: Distribution) -> str:
    about = package.metadata
    classes = [c for c in about.get_all("Classifier") or [] if c.startswith("License")]
    words = [about.get("License-Expression") or "", *classes, (about.get("License") or "")[:80]]
    return " ".join(words)


def locked() -> set[str]:
    lock = (ROOT / "nbconfig" / "locks" / "cpu-linux.txt").read_text(encoding="utf-8")
    return {name.lower().replace("_", "-") for name in re.findall(r"^([\w.-]+)==", lock, re.M)}


def test_packages_that_ask_for_something_are_named():
    ask = {
        name
        for package in distributions()
        if (name := package.metadata["Name"].lower().replace("_", "-")) in locked()
        and ASKS.search(licence(package))
    }
    assert "arize-phoenix" in ask  # the search itself finds something
    missing = [name for name in sorted(ask) if name not in PAGE]
    assert not missing, f"docs/licences.md does not name {missing}"


def test_every_packaged_model_is_named_with_its_licence():
    manifest = ROOT / "src" / "workbench" / "models" / "manifest.toml"
    for name, model in tomllib.loads(manifest.read_text(encoding="utf-8"))["models"].items():
        (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}`")]
        assert model["license"] in row
