"""The table `rejected_logins`: one row per rejected event, with the reason and no value of the body."""

from collections import Counter
from typing import TYPE_CHECKING

from lambda_src.rejects import Reason, Reject

if TYPE_CHECKING:
    from psycopg2 import extensions

UPSERT_REJECTS = """
    INSERT INTO public.rejected_logins (event_id, message_id, reason, field, times)
    SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::integer[])
    ON CONFLICT (event_id) DO UPDATE SET
        message_id = excluded.message_id, reason = excluded.reason, field = excluded.field,
        last_seen = excluded.last_seen, times = rejected_logins.times + excluded.times
"""
SELECT_REFUSED_BEFORE = """
    SELECT event_id::text FROM public.rejected_logins WHERE reason = %s AND event_id = ANY (%s::uuid[])
"""


def write_rejects(cursor: "extensions.cursor", rejects: list[Reject]) -> None:
    """Records `rejects`; increments the count of a reject that is recorded already."""
    if not rejects:
        return
    times = Counter(reject.event_id for reject in rejects)
    # One ON CONFLICT DO UPDATE cannot update the same key twice.
    last = {reject.event_id: reject for reject in rejects}
    ordered = [last[event_id] for event_id in sorted(last)]  # The same order in every batch prevents deadlocks.
    cursor.execute(
        UPSERT_REJECTS,
        (
            [reject.event_id for reject in ordered],
            [reject.message_id for reject in ordered],
            [reject.reason.value for reject in ordered],
            [reject.field for reject in ordered],
            [times[reject.event_id] for reject in ordered],
        ),
    )


def refused_before(cursor: "extensions.cursor", event_ids: set[str]) -> set[str]:
    """Returns those of `event_ids` that an earlier delivery recorded as refused by the database."""
    cursor.execute(SELECT_REFUSED_BEFORE, (Reason.DATABASE.value, sorted(event_ids)))
    return {event_id for (event_id,) in cursor.fetchall()}
