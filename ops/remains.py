"""Lists where a person's data may remain after an erasure: queues that are not empty, and archives."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypedDict

from botocore.exceptions import BotoCoreError, ClientError

from lambda_src.errors import PipelineError

if TYPE_CHECKING:
    from ops.operations.archives import KnownArchive
    from ops.queues import Queue
    from ops.target import Target

COUNTED = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")

ADVICE = {
    "queue": "erase again once it is empty",
    "dead-letter queue": "run `dlq purge --user-id ID`",
}


class Waiting(TypedDict):
    """A queue and its approximate number of messages, including those in flight; None if unknown."""

    kind: str
    url: str | None
    messages: int | None


def find_queues(target: "Target") -> list[Waiting]:
    """Returns queue and dead-letter queue. An error of SQS gives None, because it must not stop an erasure."""
    return [_ask("queue", lambda: target.queue), _ask("dead-letter queue", lambda: target.dead_letters)]


def describe_remains(archives: "list[KnownArchive]", queues: list[Waiting]) -> Iterator[str]:
    """Yields one line for each queue and archive, with advice."""
    for queue in queues:
        count = "messages that could not be counted" if queue["messages"] is None else f"about {queue['messages']:,}"
        yield f"{queue['kind']} {queue['url'] or '(not known: set its URL)'}: {count}; {ADVICE[queue['kind']]}"
    for archive in archives:
        yield f"archive of {archive['month']} in {archive['target']}: {archive['archive'] or 'the first format'}"


def _ask(kind: str, find: "Callable[[], Queue]") -> Waiting:
    url = None
    try:
        queue = find()
        url = queue.url
        return {"kind": kind, "url": url, "messages": sum(int(queue.attributes[name]) for name in COUNTED)}
    except (PipelineError, BotoCoreError, ClientError):
        return {"kind": kind, "url": url, "messages": None}
