"""Widens statements: each change permits more requests, and a test must notice it."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from tests.iam.account import Account
from tests.iam.conditions import as_texts
from tests.iam.evaluation import Policy
from tests.iam.policy import Statement

ONE_ACTION = ("rds-db",)  # it has only one action, so `*` permits no more
# Changes that permit no more requests, by the name or number of the statement.
HARMLESS = {
    ("CreateSalt", "Action *"): "only PutParameter has the key ssm:Overwrite",
    ("CreateSalt", "Action ssm:*"): "only PutParameter has the key ssm:Overwrite",
    (
        "0",
        "no StringEquals of aws:PrincipalAccount",
    ): "in an endpoint policy, the ARNs of the roles contain the account",
}


def widenings(statement: Statement) -> Iterator[tuple[str, Statement | None]]:
    """Yields the name of each change, and the changed statement; None if the change removes the statement."""
    name = statement.name.rpartition("/")[2]
    return (each for each in _all_widenings(statement) if (name, each[0]) not in HARMLESS)


def _all_widenings(statement: Statement) -> Iterator[tuple[str, Statement | None]]:
    if statement.denies:
        yield "removed", None
        return
    body = statement.body
    services = {action.partition(":")[0] for action in statement.actions} - {*ONE_ACTION}
    services -= {service for service in services if f"{service}:*" in statement.actions}
    if services:
        yield "Action *", _changed(statement, Action="*")
    for service in services:
        yield f"Action {service}:*", _changed(statement, Action=[*statement.actions, f"{service}:*"])
    if as_texts(body["Resource"]) != ("*",):
        yield "Resource *", _changed(statement, Resource="*")
    if "Principal" in body and body["Principal"] not in ("*", {"AWS": "*"}):
        yield "Principal *", _changed(statement, Principal="*")
    for operator, keys in body.get("Condition", {}).items():
        for key in keys:
            yield f"no {operator} of {key}", _without(statement, operator, key)


def replaced(policy: Policy, statement: Statement, by: Statement | None) -> Policy:
    """Returns the policy with `by` in place of `statement`."""
    return tuple(each for each in (by if each is statement else each for each in policy) if each is not None)


def with_role(account: Account, role: str, policy: Policy) -> Account:
    """Returns an account in which the role has this policy."""
    return replace(account, roles={**account.roles, role: policy})


def with_endpoint(account: Account, service: str, policy: Policy) -> Account:
    """Returns an account in which the VPC endpoint of a service has this policy."""
    return replace(account, endpoints={**account.endpoints, service: policy})


def with_resource(account: Account, arn: str, policy: Policy) -> Account:
    """Returns an account in which the resource has this policy."""
    return replace(account, resource_policies={**account.resource_policies, arn: policy})


def _changed(statement: Statement, **elements: Any) -> Statement:
    return replace(statement, body={**statement.body, **elements})


def _without(statement: Statement, operator: str, key: str) -> Statement:
    conditions: Mapping[str, Any] = copy.deepcopy(statement.body["Condition"])
    del conditions[operator][key]
    return _changed(statement, Condition=conditions)
