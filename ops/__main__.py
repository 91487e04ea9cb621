"""The program `loginpipe`; `python -m ops` is the same where it is not installed."""

import sys


def main() -> int:
    """Runs the command line; returns the exit code."""
    try:
        from ops.cli import main as run  # noqa: PLC0415  Ctrl-C may come while this loads

        return run()
    except KeyboardInterrupt:
        print("loginpipe: Interrupted.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
