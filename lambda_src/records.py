"""Turns each event of a batch into either a row or a reject."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from lambda_src.identity import Event
from lambda_src.masking import Row, Salt, mask_login
from lambda_src.parsing import make_reject, parse_event
from lambda_src.rejects import Reason, RecordError, Reject

if TYPE_CHECKING:
    from lambda_src.vault import SealedBatch


def make_records(events: Iterable[Event], salt: Salt, sealed: "SealedBatch | None" = None) -> Iterator[Row | Reject]:
    """Yields the row or the reject of each event, in the order of `events`."""
    seal = sealed.seal if sealed else None
    for event in events:
        record: Row | Reject
        try:
            record = mask_login(parse_event(event), salt, seal)
        except RecordError as error:
            record = make_reject(event, error.reason, error.field)
        except MemoryError:
            raise  # the record did not cause this
        except Exception:  # noqa: BLE001  A bug here must not affect other records, and the error's text may hold a value.
            record = make_reject(event, Reason.UNEXPECTED, None)
        yield record
