"""Runs the function in its own process; answers each event on standard input with all output of the function.

For an exception it returns the text, the arguments and the traceback, also of its causes and contexts.
"""

import json
import sys
import traceback
from pathlib import Path
from typing import Any

from tests.support import Context

END = "<end of answer>"


def main() -> None:
    """Imports the function once, as Lambda does, and invokes it with one event a line."""
    from lambda_src.handler import lambda_handler  # noqa: PLC0415  its import is part of what is watched

    for line in sys.stdin:
        answer: dict[str, Any] = {}
        try:
            answer["response"] = lambda_handler(json.loads(line), Context(30))
        except Exception as error:  # noqa: BLE001
            answer["error"] = "\n".join(tell(error))
        answer["peak_kib"] = peak_kib()
        sys.stdout.write(f"{json.dumps(answer)}\n{END}\n")
        sys.stdout.flush()


def peak_kib() -> int:
    """Returns the largest resident size of this process. The value of getrusage() would include the parent process."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def tell(error: BaseException | None) -> list[str]:
    """Returns all texts that `error` holds, also texts that Python would not print."""
    if error is None:
        return []
    frames = traceback.TracebackException.from_exception(error, capture_locals=False).format(chain=True)
    own = [repr(error), str(error), repr(error.args), *frames]
    return [*own, *tell(error.__cause__), *tell(error.__context__)]


if __name__ == "__main__":
    main()
