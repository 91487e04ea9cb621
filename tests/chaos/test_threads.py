"""What several threads of a run read and write at once."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from tests.chaos.ledger import Ledger
from tests.support import NOON

FAULT = "a fault"


def test_ledger_is_kept_by_many_threads() -> None:
    """As in a run: one thread sends while others deliver, and a fault takes messages out and counts."""
    ledger = Ledger()
    names = [[f"{thread}-{number}" for number in range(2000)] for thread in range(4)]
    stop = threading.Event()

    def send(mine: list[str]) -> None:
        for name in mine:
            ledger.record_sent(FAULT, name, "{", {})
            ledger.record_delivered([{"messageId": name, "attributes": {"SentTimestamp": str(NOON)}}] * 2)

    def count() -> None:
        while not stop.is_set():
            ledger.repeated()
            ledger.event_ids()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    with ThreadPoolExecutor() as pool:
        try:
            counting = pool.submit(count)
            sending = [pool.submit(send, mine) for mine in names]
            for number in range(50):
                ledger.record_sent(FAULT, f"taken {number}", "{", {})
                ledger.forget(f"taken {number}")
            for future in sending:
                future.result()
        finally:
            stop.set()
            sys.setswitchinterval(interval)
        counting.result()
    assert len(ledger.event_ids()) == 8000
    assert ledger.repeated() == 8000
