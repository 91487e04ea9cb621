"""The function in a process of its own: answers each event on standard input with all that it lets out.

Of an exception it tells everything: text, arguments and traceback of it and of all that hang on it as cause or context.
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
    """The largest resident size of this process: what getrusage() says begins with that of the parent."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def tell(error: BaseException | None) -> list[str]:
    """All that `error` could show, whether or not Python would print it."""
    if error is None:
        return []
    frames = traceback.TracebackException.from_exception(error, capture_locals=False).format(chain=True)
    own = [repr(error), str(error), repr(error.args), *frames]
    return [*own, *tell(error.__cause__), *tell(error.__context__)]


if __name__ == "__main__":
    main()
