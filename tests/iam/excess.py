"""Finds permissions that nobody needs. Tolerated permissions have a reason here."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from tests.iam.account import Account
from tests.iam.callers import EVERYTHING, Caller, Place, function_callers, stranger
from tests.iam.calls import QUEUE_CONTEXT
from tests.iam.journal import Journal
from tests.iam.platform import LOGS
from tests.iam.policy import Request, Statement
from tests.iam.resolution import REGION

Needs = dict[tuple[str, Place], set[Request]]


def needs_of(account: Account, journal: Journal) -> Needs:
    """Returns the requests that each function's role needed, by place."""
    return {where: journal.allowed(caller) for where, caller in function_callers(account).items()}


def tolerated(account: Account) -> dict[str, tuple[Statement, ...]]:
    """Returns statements for tolerated permissions, by a part of the caller's name; the name of each is its reason."""
    via_sqs = {"StringEquals": {"kms:ViaService": f"sqs.{REGION}.amazonaws.com"}, "Null": {QUEUE_CONTEXT: "false"}}
    key = account.outputs["QueueKeyArn"]
    return {
        "IngestFunction": (
            _reason(
                "SQS uses the key only after it has allowed the call on the queue",
                Action=["kms:Decrypt", "kms:GenerateDataKey"],
                Resource=key,
                Condition=via_sqs,
            ),
        ),
        "IngestFunction (telemetry)": (
            _reason(
                "Lambda polls with the credentials of the code, which cannot reach the queue from the VPC",
                Action=["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
                Resource=account.outputs["QueueArn"],
            ),
        ),
        "AWSCDKTrigger": (
            _reason("the CDK gives its provider AWS's managed policy, which names no log group", Action=[*LOGS]),
        ),
        "endpoint": (
            _reason(
                "only the role of the provision function may put the salt, and it may not overwrite it",
                Action="ssm:PutParameter",
                Condition={"StringEquals": {"ssm:Overwrite": "true"}},
            ),
        ),
    }


def excess(
    account: Account, needs: Needs, functions: Iterable[str], requests: Iterable[Request]
) -> set[tuple[str, Request]]:
    """Returns those requests that the functions may make but did not need, with the name of the caller."""
    found = set()
    for (name, _), caller in function_callers(account).items():
        if name in functions:
            needed = set().union(*(needs[name, each] for each in _also_at(caller)))
            found |= {(caller.name, each) for each in allowed(account, caller, requests) - needed}
    return _without_tolerated(account, found)


def endpoint_excess(account: Account, needs: Needs, requests: Iterable[Request]) -> set[tuple[str, Request]]:
    """Returns the requests that VPC endpoints permit without need, for functions and for others in the network.

    The policies of the callers allow everything here, so that only the policies of the endpoints decide.
    """
    requests = [each for each in requests if each.service in account.endpoints]
    needed: set[Request] = set().union(*(needs[name, Place.CODE] for name in account.functions))
    found = set()
    for (name, place), caller in function_callers(account).items():
        if place is Place.CODE and caller.inside_vpc:
            strong = replace(caller, identity=(EVERYTHING,))
            found |= {(f"endpoint, {name}", each) for each in allowed(account, strong, requests) - needed}
    other = stranger(identity=(EVERYTHING,), inside_vpc=True)
    found |= {(other.name, each) for each in allowed(account, other, requests)}
    return _without_tolerated(account, found)


def allowed(account: Account, caller: Caller, requests: Iterable[Request]) -> set[Request]:
    """Returns the requests that the caller may make."""
    return {each for each in requests if caller.decide(account, each).allowed}


def words(found: Iterable[tuple[str, Request]]) -> list[str]:
    """Returns the requests as sorted lines of text."""
    return sorted(f"{name}: {request}" for name, request in found)


def _also_at(caller: Caller) -> tuple[Place, ...]:
    """Returns the places with the same credentials as the caller's place, so their needs count too."""
    if caller.inside_vpc:
        return (Place.CODE,)
    return tuple(Place) if caller.place is Place.SERVICE else (Place.CODE, Place.TELEMETRY)


def _without_tolerated(account: Account, found: set[tuple[str, Request]]) -> set[tuple[str, Request]]:
    reasons: Mapping[str, tuple[Statement, ...]] = tolerated(account)
    return {
        (name, request)
        for name, request in found
        if not any(
            part in name and any(each.applies_to(request) for each in statements)
            for part, statements in reasons.items()
        )
    }


def _reason(reason: str, **elements: Any) -> Statement:
    return Statement(reason, {"Effect": "Allow", **elements})
