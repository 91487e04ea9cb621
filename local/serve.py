"""The process of the stack of `loginpipe up`: `python -m local.serve DIRECTORY` runs until a signal ends it."""

import argparse
import json
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from local.interruption import catch_signals
from local.process import exclusive, write_whole
from local.stack import VISIBILITY_SECONDS, Stack, StackSettings
from local.state import UP, Description, description_path
from ops.failures import explain

TICK_SECONDS = 0.5


def serve(directory: Path, settings: StackSettings) -> None:
    """Runs the stack, and describes it in the directory's state file; raises PipelineError."""
    with exclusive(directory / f"{UP}.lock", "The stack is up already."), Stack(settings) as stack:
        description = Description(
            aws=stack.aws.environment,
            logins=stack.logins,
            queue=stack.queue.url,
            dead_letter_queue=stack.queue.dead_letter_url,
            salt_parameter=stack.salt_parameter,
            visibility_seconds=settings.visibility_seconds,
            max_receives=settings.max_receives,
            quarantine=settings.quarantine,
            in_process=settings.in_process,
            envelope=settings.envelope,
            vault_key=stack.vault_key.arn if stack.vault_key else None,
            vault_public_key=stack.vault_key.public if stack.vault_key else None,
        )
        write_whole(description_path(directory), json.dumps(asdict(description)))
        while True:
            time.sleep(TICK_SECONDS)
            if notice := stack.supervise():
                print(notice, flush=True)


def main() -> int:
    """Runs the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local.serve", description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--in-process", action="store_true")
    parser.add_argument("--fifo", action="store_true")
    parser.add_argument("--vault", action="store_true")
    parser.add_argument("--quarantine", action="store_true")
    parser.add_argument("--envelope", default="none")
    parser.add_argument("--visibility", type=int, default=VISIBILITY_SECONDS)
    given = parser.parse_args()
    settings = StackSettings(
        given.directory / UP,
        in_process=given.in_process,
        visibility_seconds=given.visibility,
        fifo=given.fifo,
        vault=given.vault,
        quarantine=given.quarantine,
        envelope=given.envelope,
    )
    catch_signals()
    try:
        with suppress(KeyboardInterrupt):
            serve(given.directory, settings)
    except Exception as error:
        explained = explain(error)
        if explained is None:
            raise
        code, text = explained
        print(text, file=sys.stderr)
        return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
