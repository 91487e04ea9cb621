"""Measures the time from a Lambda event to committed rows: of the function, its peers and a raw COPY."""

import gc
from contextlib import closing
from functools import partial
from typing import Any

from psycopg2 import extensions

from bench.contenders import Contender, RawCopy, load_handler, load_writer, quiet_output
from bench.events import Batches
from bench.names import LIMIT, OURS
from bench.peers.peers import make_peers
from bench.sampling import Sample, in_turns
from bench.servers import Servers

SIZES = (10, 100, 1_000, 10_000)
ROUNDS = {10: 150, 100: 60, 1_000: 24, 10_000: 14}
QUICK_ROUNDS = {10: 10, 100: 5, 1_000: 3, 10_000: 2}
PEER_SECONDS = 4.0  # for each size; slow ways get fewer rounds
QUICK_PEER_SECONDS = 0.5
PAIRS = {10: 2_000, 100: 600, 1_000: 100, 10_000: 24}
QUICK_PAIRS = {10: 10, 100: 5, 1_000: 3, 10_000: 2}
USED, EMPTY = "in use", "empty"  # states of the table
ROWS_BEFORE = {USED: 300_000, EMPTY: 0}
QUICK_ROWS_BEFORE = {USED: 20_000, EMPTY: 0}
MIXED_SIZES = (1_000, 10_000)
MIXED_ROUNDS = {1_000: 16, 10_000: 8}
QUICK_MIXED_ROUNDS = {1_000: 2, 10_000: 1}

COUNT_ROWS = "SELECT count(*) FROM user_logins"
EMPTY_TABLES = "TRUNCATE user_logins, rejected_logins"


def measure_limit(servers: Servers, *, quick: bool) -> dict[str, Any]:
    """Measure seconds for a batch of the function and of a raw COPY, in turns, for each state of the table."""
    batches = Batches(seed=2)
    rounds = QUICK_PAIRS if quick else PAIRS
    write = load_writer()
    raw = RawCopy()
    result: dict[str, Any] = {}

    with closing(servers.connect()) as connection, quiet_output():
        connection.autocommit = True
        write(batches.make(10))
        for state, before in (QUICK_ROWS_BEFORE if quick else ROWS_BEFORE).items():
            result[state] = {}
            for size in SIZES:
                _fill(connection, raw, batches, before)
                pair = (
                    Contender(LIMIT, partial(raw.make, batches, size), raw.write, 1e9),
                    Contender(OURS, partial(batches.make, size), write, 1e9),
                )
                in_turns(rounds[size], [way.take_turn for way in pair])
                _check_rows(connection, before + 2 * size * rounds[size])
                result[state][str(size)] = {way.name: Sample.of(way.taken).as_dict() for way in pair}
    return result


def measure(servers: Servers, *, quick: bool) -> dict[str, Any]:
    """Measure seconds for a batch into a table in use, for each size and way. Raises an error if rows are missing."""
    batches = Batches()
    rounds = QUICK_ROUNDS if quick else ROUNDS
    before = (QUICK_ROWS_BEFORE if quick else ROWS_BEFORE)[USED]
    budget = QUICK_PEER_SECONDS if quick else PEER_SECONDS
    write = load_writer()
    raw = RawCopy()
    peers = make_peers(servers.superuser_url)
    result: dict[str, Any] = {"lacks": {peer.name: list(peer.lacks) for peer in peers}, "sizes": {}}

    with closing(servers.connect()) as connection, quiet_output():
        connection.autocommit = True
        write(batches.make(10))
        for peer in peers:
            peer.write(batches.make(10))
        gc.collect()
        gc.freeze()  # the garbage collector must not search the objects of the peers' libraries in the others' rounds
        for size in SIZES:
            fresh = partial(batches.make, size)
            contenders = [
                Contender(LIMIT, partial(raw.make, batches, size), raw.write, 1e9),
                Contender(OURS, fresh, write, 1e9),
                *(
                    Contender(peer.name, fresh, peer.write, budget)
                    for peer in peers
                    if peer.smallest <= size <= peer.largest
                ),
            ]
            _fill(connection, raw, batches, before)
            in_turns(rounds[size], [contender.take_turn for contender in contenders])
            own_tables = {peer.name for peer in peers if peer.has_own_table}
            expected = before + sum(size * len(way.taken) for way in contenders if way.name not in own_tables)
            _check_rows(connection, expected)
            result["sizes"][str(size)] = {way.name: Sample.of(way.taken).as_dict() for way in contenders}
    return result


def measure_mixed(servers: Servers, *, quick: bool) -> dict[str, Any]:
    """Measure seconds for a batch with repeated messages and with rejects, beside a raw COPY of new rows."""
    batches = Batches(seed=1_000)
    rounds = QUICK_MIXED_ROUNDS if quick else MIXED_ROUNDS
    handler = load_handler()
    raw = RawCopy()
    result: dict[str, Any] = {}
    with closing(servers.connect()) as connection, quiet_output():
        connection.autocommit = True
        for size in MIXED_SIZES:
            _execute(connection, EMPTY_TABLES)
            earlier = batches.make(size)
            handler(earlier)
            repeats = partial(batches.make_with_repeats, size, earlier)
            contenders = [
                Contender(LIMIT, partial(raw.make, batches, size), raw.write, 1e9),
                Contender("fresh", partial(batches.make, size), handler, 1e9),
                Contender("0.1 % delivered twice", partial(repeats, 0.001), handler, 1e9),
                Contender("1 % delivered twice", partial(repeats, 0.01), handler, 1e9),
                Contender("all delivered twice", partial(repeats, 1), handler, 1e9),
                Contender("1 % rejects", partial(batches.make_with_rejects, size, 0.01), handler, 1e9),
            ]
            in_turns(rounds[size], [contender.take_turn for contender in contenders])
            shares = (1, 1, 0.999, 0.99, 0, 0.99)
            fresh_rows = sum(round(size * share) for share in shares)
            _check_rows(connection, size + rounds[size] * fresh_rows)
            result[str(size)] = {way.name: Sample.of(way.taken).as_dict() for way in contenders}
    return result


def _fill(connection: extensions.connection, raw: RawCopy, batches: Batches, rows: int) -> None:
    """Empty the tables, then write so many rows of the month."""
    _execute(connection, EMPTY_TABLES)
    for _ in range(rows // 10_000):
        raw.write(raw.prepare(batches.make(10_000)))


def _execute(connection: extensions.connection, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _check_rows(connection: extensions.connection, expected: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(COUNT_ROWS)
        ((found,),) = cursor.fetchall()
    if found != expected:
        raise RuntimeError(f"{found} rows after {expected} messages: a way to write is wrong")
