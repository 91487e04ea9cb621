"""`python -m tests.fuzz.coverage_guided` lets atheris look for a record that the function and the oracle disagree on.

Takes libFuzzer's options (`-runs=`, `-max_total_time=`, `-seed=`) and directories; https://llvm.org/docs/LibFuzzer.html.
"""

import importlib
import sys
from typing import Any

atheris: Any = importlib.import_module("atheris")  # `make fuzz` installs it: it is not there for every Python

with atheris.instrument_imports(include=["lambda_src"]):
    import lambda_src.records

from tests.fuzz.inputs import decode  # noqa: E402  lambda_src has to be imported first
from tests.unit.outcomes import assert_as_expected  # noqa: E402

INSTRUMENTED = lambda_src.records


def check(data: bytes) -> None:
    """One input; whatever it raises is a finding, and libFuzzer keeps the input."""
    assert_as_expected(decode(data))


if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
