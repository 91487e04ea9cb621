"""Tests the order in which AWS decides, as its page on the evaluation logic describes it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html
"""

from typing import Any

import pytest

from tests.iam.errors import UnsupportedPolicyError
from tests.iam.evaluation import Policies, Policy, Principal, decide
from tests.iam.policy import Request, Statement

ACCOUNT = "111122223333"
QUEUE, OTHER = (f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}" for name in ("logins", "other"))
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1"
ROLE = Principal(f"arn:aws:iam::{ACCOUNT}:role/r", ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s")
SERVICE = Principal("events.amazonaws.com")
ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
SEND = Request("sqs:SendMessage", QUEUE)
DECRYPT = Request("kms:Decrypt", KEY)


def allow(action: Any = "sqs:SendMessage", resource: Any = QUEUE, **more: Any) -> Policy:
    return (Statement("allow", {"Effect": "Allow", "Action": action, "Resource": resource, **more}),)


def deny(action: Any = "*", resource: Any = "*", **more: Any) -> Policy:
    return (Statement("deny", {"Effect": "Deny", "Action": action, "Resource": resource, **more}),)


def is_allowed(request: Request, principal: Principal = ROLE, **policies: Any) -> bool:
    return decide(principal, request, Policies(**policies)).allowed


def test_nothing_is_allowed_by_default() -> None:
    decision = decide(ROLE, SEND, Policies())
    assert (decision.allowed, decision.reason) == (False, "no policy allows it")


def test_identity_policy_allows() -> None:
    decision = decide(ROLE, SEND, Policies(identity=allow()))
    assert decision.allowed
    assert [each.name for each in decision.by] == ["allow"]


@pytest.mark.parametrize(
    "policy",
    [
        allow(action="sqs:ReceiveMessage"),
        allow(resource=OTHER),
        allow(Condition={"Bool": {"aws:SecureTransport": "true"}}),
    ],
    ids=["action", "resource", "condition"],
)
def test_all_elements_of_a_statement_must_fit(policy: Policy) -> None:
    assert not is_allowed(SEND, identity=policy)


@pytest.mark.parametrize("where", ["identity", "resource", "session", "endpoint"])
def test_explicit_deny_overrides_every_allow(where: str) -> None:
    policies: dict[str, Any] = {"identity": allow(), "resource": allow(), "session": allow(), "endpoint": allow()}
    assert is_allowed(SEND, **policies)
    policies[where] = (*policies[where], *deny())
    decision = decide(ROLE, SEND, Policies(**policies))
    assert (decision.allowed, decision.reason) == (False, "explicit deny in deny")


def test_deny_that_does_not_apply_denies_nothing() -> None:
    unsafe = deny(Condition={"Bool": {"aws:SecureTransport": "false"}}, Principal={"AWS": "*"})
    assert is_allowed(SEND, identity=allow(), resource=unsafe)
    insecure = Request(SEND.action, SEND.resource, (("aws:SecureTransport", "false"),))
    assert not is_allowed(insecure, identity=allow(), resource=unsafe)


def test_not_action_and_not_resource_are_the_rest() -> None:
    rest = (Statement("rest", {"Effect": "Allow", "NotAction": "sqs:Send*", "NotResource": OTHER}),)
    assert not is_allowed(SEND, identity=rest)
    assert is_allowed(Request("sqs:PurgeQueue", QUEUE), identity=rest)
    assert not is_allowed(Request("sqs:PurgeQueue", OTHER), identity=rest)


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": ["x", ROLE.arn]}, {"AWS": ROLE.session}])
def test_resource_policy_alone_allows_within_the_account(principal: Any) -> None:
    assert is_allowed(SEND, resource=allow(Principal=principal))


@pytest.mark.parametrize("principal", [{"AWS": f"{ROLE.arn}2"}, {"Service": "events.amazonaws.com"}, {"AWS": "999"}])
def test_resource_policy_for_others_allows_nothing(principal: Any) -> None:
    assert not is_allowed(SEND, resource=allow(Principal=principal))


@pytest.mark.parametrize("principal", [ROOT, {"AWS": ACCOUNT}])
def test_account_as_principal_leaves_it_to_the_identity(principal: Any) -> None:
    assert not is_allowed(SEND, resource=allow(Principal=principal))
    assert is_allowed(SEND, resource=allow(Principal=principal), identity=allow())


def test_key_policy_must_let_identity_policies_count() -> None:
    """https://docs.aws.amazon.com/kms/latest/developerguide/policy-evaluation.html"""
    identity = allow("kms:Decrypt", KEY)
    root = allow("kms:*", "*", Principal=ROOT)
    assert not is_allowed(DECRYPT, identity=identity, resource=(), resource_decides=True)
    assert is_allowed(DECRYPT, identity=identity, resource=root, resource_decides=True)
    assert not is_allowed(DECRYPT, resource=root, resource_decides=True)
    assert is_allowed(DECRYPT, resource=allow("kms:Decrypt", "*", Principal={"AWS": ROLE.arn}), resource_decides=True)


def test_session_policy_bounds_the_role() -> None:
    assert not is_allowed(SEND, identity=allow(), session=allow(resource=OTHER))
    assert not is_allowed(SEND, session=allow())
    assert is_allowed(SEND, identity=allow(), session=allow())


def test_session_policy_does_not_bound_what_a_resource_gives_to_the_session() -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session"""
    other = allow(resource=OTHER)
    assert is_allowed(SEND, resource=allow(Principal={"AWS": ROLE.session}), session=other)
    assert not is_allowed(SEND, resource=allow(Principal={"AWS": ROLE.arn}), session=other)


def test_endpoint_policy_limits_and_gives_nothing() -> None:
    """https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html"""
    assert not is_allowed(SEND, endpoint=allow(Principal="*"))
    assert not is_allowed(SEND, identity=allow(), endpoint=allow(Principal="*", resource=OTHER))
    assert is_allowed(SEND, identity=allow(), endpoint=allow(Principal="*"))


def test_service_is_allowed_by_the_resource_alone() -> None:
    invoke = Request("lambda:InvokeFunction", "arn:aws:lambda:us-east-1:1:function:f", (("aws:SourceArn", "rule"),))
    policy = allow(
        invoke.action,
        invoke.resource,
        Principal={"Service": "events.amazonaws.com"},
        Condition={"StringLike": {"aws:SourceArn": "rule"}},
    )
    assert is_allowed(invoke, SERVICE, resource=policy)
    assert not is_allowed(invoke, Principal("sns.amazonaws.com"), resource=policy)
    assert not is_allowed(Request(invoke.action, invoke.resource), SERVICE, resource=policy)


def test_element_that_is_not_known_is_refused() -> None:
    with pytest.raises(UnsupportedPolicyError, match="NotPrincipal"):
        deny(NotPrincipal=ROOT)
