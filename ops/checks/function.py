"""Checks the function, its event source mapping, and the queue's visibility timeout for it."""

from collections.abc import Iterator

from ops.checks.finding import Finding, Status
from ops.target import Target
from ops.timing import SHORTEST_SECONDS


def check_function(target: Target) -> Iterator[Finding]:
    """The function and its event source mapping."""
    name = target.settings.function_name
    if name is None:
        yield Finding("function", Status.SKIPPED, "not known", "Set FUNCTION_NAME or give --stack to have it checked.")
        return
    configuration = target.lambda_.get_function_configuration(FunctionName=name)
    timeout = configuration["Timeout"]
    yield Finding("function", Status.OK, f"{name}, {configuration.get('Runtime', 'image')}, timeout {timeout} s")
    sources = target.lambda_.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    sources = [source for source in sources if source.get("EventSourceArn") == target.queue.arn]
    if not sources:
        advice = "Make an event source mapping from the queue to the function."
        yield Finding("event source", Status.ERROR, "no event source mapping from the queue", advice)
        return
    (source, *_) = sources
    window = source.get("MaximumBatchingWindowInSeconds", 0)
    yield _judge_timing(timeout, window, int(target.queue.attributes["VisibilityTimeout"]))
    state = source.get("State", "unknown")
    if state not in ("Enabled", "Enabling", "Creating", "Updating"):
        advice = "Switch the event source mapping on: nothing is written."
        yield Finding("event source", Status.ERROR, f"state {state}", advice)
    elif "ReportBatchItemFailures" not in source.get("FunctionResponseTypes", []):
        advice = "Switch ReportBatchItemFailures on: without it, Lambda deletes failed messages, and they are lost."
        yield Finding("event source", Status.ERROR, "partial batch responses are off", advice)
    else:
        yield Finding("event source", Status.OK, f"state {state}, batches of {source.get('BatchSize')}")


def _judge_timing(timeout: int, window: int, visibility: int) -> Finding:
    """Compares times in seconds. An impossible setting is an error; one that AWS advises against is a warning."""
    check, advised = "time for a batch", 6 * timeout + window
    found = f"visibility timeout {visibility} s, function's timeout {timeout} s, batch window {window} s"
    if timeout < SHORTEST_SECONDS:
        advice = f"Raise the function's timeout to {SHORTEST_SECONDS} s or more. With less, most batches fail."
        return Finding(check, Status.ERROR, found, advice)
    if visibility < timeout + window:
        advice = (
            f"Raise the queue's VisibilityTimeout to {timeout + window} s, better {advised} s: else messages are "
            "delivered again while they are being written."
        )
        return Finding(check, Status.ERROR, found, advice)
    if visibility < advised:
        advice = (
            f"AWS advises 6 times the function's timeout plus the batch window: a VisibilityTimeout of {advised} s."
        )
        return Finding(check, Status.WARNING, found, advice)
    return Finding(check, Status.OK, found)
