"""The records of a batch, one by one: each event becomes either a row or a reject."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from lambda_src.identity import Event
from lambda_src.masking import Row, Salt, mask_login
from lambda_src.parsing import make_reject, parse_event
from lambda_src.rejects import Reason, RecordError, Reject

if TYPE_CHECKING:
    from lambda_src.vault import SealedBatch


def make_records(events: Iterable[Event], salt: Salt, sealed: "SealedBatch | None" = None) -> Iterator[Row | Reject]:
    """The row or the reject that each event becomes, in the order of `events`."""
    seal = sealed.seal if sealed else None
    for event in events:
        record: Row | Reject
        try:
            record = mask_login(parse_event(event), salt, seal)
        except RecordError as error:
            record = make_reject(event, error.reason, error.field)
        except MemoryError:
            raise  # not the record's fault
        except Exception:  # noqa: BLE001  A fault of ours must not harm other records, and its text may hold a value.
            record = make_reject(event, Reason.UNEXPECTED, None)
        yield record
