"""Every way to make one statement let more through, of which a test has to notice each."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from tests.iam.account import Account
from tests.iam.conditions import as_texts
from tests.iam.evaluation import Policy
from tests.iam.policy import Statement

ONE_ACTION = ("rds-db",)  # on its resources there is one action: all actions are no more
# Widenings that let nothing more through, by the statement's name or number.
HARMLESS = {
    ("CreateSalt", "Action *"): "only PutParameter has the key ssm:Overwrite",
    ("CreateSalt", "Action ssm:*"): "likewise",
    ("0", "no StringEquals of aws:PrincipalAccount"): "of an endpoint: the ARNs of the roles name their account",
}


def widenings(statement: Statement) -> Iterator[tuple[str, Statement | None]]:
    """Each widening in words, with the statement that it makes; None: the statement is gone."""
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
    """The policy with another statement in that one's place."""
    return tuple(each for each in (by if each is statement else each for each in policy) if each is not None)


def with_role(account: Account, role: str, policy: Policy) -> Account:
    """The account in which a role has these statements."""
    return replace(account, roles={**account.roles, role: policy})


def with_endpoint(account: Account, service: str, policy: Policy) -> Account:
    """The account in which a service's VPC endpoint has this policy."""
    return replace(account, endpoints={**account.endpoints, service: policy})


def with_resource(account: Account, arn: str, policy: Policy) -> Account:
    """The account in which a resource has this policy."""
    return replace(account, resource_policies={**account.resource_policies, arn: policy})


def _changed(statement: Statement, **elements: Any) -> Statement:
    return replace(statement, body={**statement.body, **elements})


def _without(statement: Statement, operator: str, key: str) -> Statement:
    conditions: Mapping[str, Any] = copy.deepcopy(statement.body["Condition"])
    del conditions[operator][key]
    return _changed(statement, Condition=conditions)
