"""Decides whether AWS allows a request, for callers and resources of one account.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
The evaluator ignores policies of an organization and permissions boundaries, because the stack has none.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from tests.iam.policy import Request, Statement

Policy = Sequence[Statement]


@dataclass(frozen=True)
class Principal:
    """The caller: a role with the ARN of its session, or an AWS service, whose `arn` is its name."""

    arn: str
    account: str = ""
    session: str = ""

    @property
    def is_service(self) -> bool:
        """Returns whether the principal is an AWS service."""
        return not self.account


@dataclass(frozen=True)
class Policies:
    """The policies that decide on a request. None means that there is no such policy."""

    identity: Policy = ()
    resource: Policy | None = None
    endpoint: Policy | None = None  # of the VPC endpoint that the request goes through
    session: Policy | None = None
    resource_decides: bool = False  # for KMS keys: IAM policies count only if the policy of the key permits that


@dataclass(frozen=True)
class Decision:
    """The decision, its reason, and the Allow statements that apply."""

    allowed: bool
    reason: str
    by: tuple[Statement, ...] = ()


class _Named(Enum):
    """How a statement names the principal."""

    NOT = auto()
    ACCOUNT = auto()  # the policies of the account decide
    ROLE = auto()
    SESSION = auto()


def decide(principal: Principal, request: Request, policies: Policies) -> Decision:
    """Returns the decision; raises UnsupportedPolicyError if a policy has an unknown operator or a variable."""
    resource, endpoint = policies.resource or (), policies.endpoint or ()
    everything = (*policies.identity, *(policies.session or ()), *_for(principal, (*resource, *endpoint)))
    denying = [statement for statement in everything if statement.denies and statement.applies_to(request)]
    if denying:
        return Decision(allowed=False, reason=f"explicit deny in {denying[0].name}")
    through = _allowing(_for(principal, endpoint), request)
    if policies.endpoint is not None and not through:
        return Decision(allowed=False, reason="no VPC endpoint policy allows it")
    identity = _allowing(policies.identity, request)
    of_resource = {each: _named(principal, each) for each in _allowing(_for(principal, resource), request)}
    to_account = tuple(each for each, named in of_resource.items() if named is _Named.ACCOUNT)
    to_role = tuple(each for each, named in of_resource.items() if named in (_Named.ROLE, _Named.SESSION))
    if policies.resource_decides and not of_resource:
        return Decision(allowed=False, reason="the policy of the resource does not allow it")
    if not to_role and not identity:
        return Decision(allowed=False, reason="no policy allows it")
    # A session policy limits the role. It does not limit a resource policy that names the session itself.
    bounded = _Named.SESSION not in of_resource.values()
    if policies.session is not None and bounded and not _allowing(policies.session, request):
        return Decision(allowed=False, reason="no session policy allows it")
    return Decision(allowed=True, reason="allowed", by=(*identity, *to_role, *to_account, *through))


def _allowing(statements: Iterable[Statement], request: Request) -> tuple[Statement, ...]:
    return tuple(each for each in statements if not each.denies and each.applies_to(request))


def _for(principal: Principal, statements: Iterable[Statement]) -> tuple[Statement, ...]:
    return tuple(each for each in statements if _named(principal, each) is not _Named.NOT)


def _named(principal: Principal, statement: Statement) -> _Named:
    """Returns how a statement of a resource or an endpoint names the principal.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """
    given: Any = statement.body.get("Principal", "*")
    if given == "*":
        return _Named.ROLE
    names = given.get("Service" if principal.is_service else "AWS", [])
    names = {names} if isinstance(names, str) else set(names)
    if principal.is_service:
        return _Named.ROLE if principal.arn in names else _Named.NOT
    if principal.session in names:
        return _Named.SESSION
    if names & {"*", principal.arn}:
        return _Named.ROLE
    partition = principal.arn.split(":")[1]
    in_account = names & {principal.account, f"arn:{partition}:iam::{principal.account}:root"}
    return _Named.ACCOUNT if in_account else _Named.NOT
