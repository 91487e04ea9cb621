"""The function's pure modules once more, with fields added to the table as one would add them: a line for each."""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

import lambda_src
from lambda_src import contract

MODULES = ("contract", "decoding", "parsing", "masking", "records")  # what reads the table, in the order of imports
LAST_LINE = "\n\n\nFIELDS = read_fields(Body)"


def import_with_fields(lines: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Fresh copies of MODULES, with `lines` at the end of `class Body`; the rest of the process keeps its own."""
    source = Path(str(contract.__file__)).read_text(encoding="utf-8")
    assert source.count(LAST_LINE) == 1
    source = source.replace(LAST_LINE, "".join(f"\n    {line}" for line in lines) + LAST_LINE)
    copies = {}
    with monkeypatch.context() as patch:
        for name in MODULES:
            full_name = f"lambda_src.{name}"
            patch.setattr(lambda_src, name, importlib.import_module(full_name))
            patch.delitem(sys.modules, full_name)
        wider = ModuleType("lambda_src.contract")
        patch.setitem(sys.modules, "lambda_src.contract", wider)
        exec(compile(source, str(contract.__file__), "exec"), vars(wider))  # noqa: S102  our own text
        copies["contract"] = wider
        for name in MODULES[1:]:
            copies[name] = importlib.import_module(f"lambda_src.{name}")
    return SimpleNamespace(**copies)
