"""`python -m tests.chaos` injects faults into a running pipeline and compares what was sent with what arrived."""

import argparse
import logging
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

from rich.console import Console
from rich.table import Table

from tests.chaos.accounts import ANY_FAULT, Account, summarize
from tests.chaos.faults import FAULTS, ImpossibleError, PromiseError
from tests.chaos.pipeline import Pipeline

console = Console(soft_wrap=True, highlight=False, width=160)


def main() -> int:
    """Run the command line and return the exit code."""
    options = _parse_options()
    names = [name for name in FAULTS if not options.only or any(part in name for part in options.only)]
    if options.list or not names:
        console.print("\n".join(FAULTS))
        return 0 if options.list else 2
    seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    console.print(
        f"seed {seed}: `{_command()} --seed {seed}` repeats the order of faults, their moments and the events"
    )
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as directory:
        accounts = _run(Pipeline(Path(directory), seed), _order(names, Random(seed)), options)  # noqa: S311
    return _conclude(accounts, seed)


def _run(pipeline: Pipeline, order: Iterator[tuple[str, Random]], options: argparse.Namespace) -> dict[str, Account]:
    accounts: dict[str, Account] = {ANY_FAULT: Account()}
    with pipeline:
        started = time.monotonic()
        for number, (name, random) in enumerate(order, 1):
            enough = sum(account.sent for account in accounts.values()) >= options.events
            if name in accounts and enough and time.monotonic() - started >= options.seconds:
                break
            account = accounts.setdefault(name, Account())
            _strike(pipeline, name, random, options.portion, account)
            if options.verbose:
                console.print(f"{time.monotonic() - started:6.1f} s  {name}: {account.strikes}")
            if number % options.settle == 0:
                _settle(pipeline, accounts)
        _settle(pipeline, accounts)
        accounts[ANY_FAULT].problems += pipeline.database.check_vault()
        console.print(f"{time.monotonic() - started:.0f} s")
    return accounts


def _strike(pipeline: Pipeline, name: str, random: Random, portion: int, account: Account) -> None:
    """Inject one fault during traffic."""
    pipeline.producer.fault = name
    try:
        with pipeline.producer.traffic(portion):
            account.strikes += FAULTS[name](pipeline, random)
    except PromiseError as error:
        account.problems.append(f"{name}: {error}")
    except ImpossibleError as error:
        account.impossible = str(error)


def _settle(pipeline: Pipeline, accounts: dict[str, Account]) -> None:
    for name, account in pipeline.settle().items():
        accounts.setdefault(name, Account())
        accounts[name] += account
        if account.problems:
            console.print(summarize(account.problems), markup=False)


def _order(names: list[str], random: Random) -> Iterator[tuple[str, Random]]:
    """Yield each fault once before any comes again, each with its own random numbers."""
    while True:
        for name in random.sample(names, len(names)):
            yield name, Random(random.getrandbits(64))  # noqa: S311


def _conclude(accounts: dict[str, Account], seed: int) -> int:
    table = Table(box=None, pad_edge=False)
    for title in ("fault", "injected", "sent", "delivered", "rows", "duplicates", "in the DLQ", "lost", ""):
        table.add_column(title, justify="left" if title in {"fault", ""} else "right", no_wrap=True)
    total = Account()
    for name in sorted(accounts, key=[*FAULTS, ANY_FAULT].index):
        account = accounts[name]
        total += account
        if name in FAULTS or account.problems:
            _add(table, name, account)
    _add(table, "all", total)
    console.print(table, crop=False)
    missing = [
        name for name, account in accounts.items() if name in FAULTS and not account.strikes and not account.impossible
    ]
    for name in missing:
        console.print(f"NOT INJECTED: {name}")
    failed = bool(missing or total.problems or total.duplicates or total.lost)
    if failed:
        console.print(f"FAILED with seed {seed}: {len(total.problems)} problems")
        console.print(summarize(total.problems), markup=False)
    else:
        console.print("Every good event is one row, every bad one is in the dead-letter queue with its reason.")
    return int(failed)


def _add(table: Table, name: str, account: Account) -> None:
    numbers = (account.strikes, account.sent, account.deliveries, account.rows)
    ends = (account.duplicates, account.dead, account.lost)
    mark = "FAILED" if account.problems else f"not possible here: {account.impossible}" if account.impossible else ""
    table.add_row(name, *(f"{number:,}" for number in (*numbers, *ends)), mark)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=_command(),
        description="Injects every fault once, then continues in random order until --seconds have passed and "
        "--events were sent. Fails if an event was lost, doubled or leaked, or if a fault did not happen.",
    )
    parser.add_argument("--seed", type=int, help="repeats an earlier run; random if not given")
    parser.add_argument("--seconds", type=float, default=0, help="continue for this time (0: each fault once)")
    parser.add_argument("--events", type=int, default=0, help="continue until this many events were sent")
    parser.add_argument("--portion", type=int, default=60, help="least number of events to send around each fault")
    parser.add_argument("--settle", type=int, default=1, metavar="N", help="compare after each N faults")
    parser.add_argument("--only", action="append", metavar="TEXT", help="only faults whose name holds TEXT; repeatable")
    parser.add_argument("--list", action="store_true", help="list the faults and stop")
    parser.add_argument("--verbose", action="store_true", help="print each fault when it has ended")
    return parser.parse_args()


def _command() -> str:
    return "python -m tests.chaos"


if __name__ == "__main__":
    logging.getLogger("ops").setLevel(logging.ERROR)  # it would log each failed batch
    sys.exit(main())
