"""The settings of the cloud stack."""

import json
from pathlib import Path

from docs_tools.markdown import code, table
from infra.settings.context import key_help

ROOT = Path(__file__).resolve().parent.parent


def context() -> str:
    """One row a context key."""
    return table(
        ("key", "default", "meaning"), ((code(key), code(default), meaning) for key, default, meaning in key_help())
    )


def stages() -> str:
    """One row a context key that cdk.json sets for a stage."""
    given = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]["stages"]
    keys = sorted({key for values in given.values() for key in values})
    rows = (
        [code(key), *(code(json.dumps(values[key])) if key in values else "" for values in given.values())]
        for key in keys
    )
    return table(("key", *given), rows)
