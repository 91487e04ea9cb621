"""The function in a process of its own: answers each event on standard input with all that it lets out.

Of an exception it tells everything: text, arguments and traceback of it and of all that hang on it as cause or context.
"""

import json
import resource
import sys
import traceback
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
        answer["peak_kib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        sys.stdout.write(f"{json.dumps(answer)}\n{END}\n")
        sys.stdout.flush()


def tell(error: BaseException | None) -> list[str]:
    """All that `error` could show, whether or not Python would print it."""
    if error is None:
        return []
    frames = traceback.TracebackException.from_exception(error, capture_locals=False).format(chain=True)
    own = [repr(error), str(error), repr(error.args), *frames]
    return [*own, *tell(error.__cause__), *tell(error.__context__)]


if __name__ == "__main__":
    main()
