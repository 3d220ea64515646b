"""What the data's tests share: the cleaned documents, the questions, the scripts that make them."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from workbench import corpus, golden

DATA = Path(__file__).resolve().parents[2] / "data"


def flat(text: str) -> str:
    """A text with every run of white space as one space."""
    return " ".join(text.split())


@pytest.fixture(scope="session")
def data() -> Path:
    return DATA


@pytest.fixture(scope="session")
def documents() -> dict[str, corpus.Document]:
    return {document.id: document for document in corpus.load(DATA / "corpus")}


@pytest.fixture(scope="session")
def questions() -> list[golden.Question]:
    return golden.load(DATA / "golden")


@pytest.fixture(scope="session")
def script() -> Callable[[str], ModuleType]:
    """A script of ``data/make`` as a module."""

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, DATA / "make" / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
        spec.loader.exec_module(module)
        sys.dont_write_bytecode = before
        return module

    return load
