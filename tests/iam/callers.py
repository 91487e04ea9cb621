"""Callers: the code of a function, Lambda on behalf of a function, an AWS service, or another role."""

from dataclasses import dataclass, replace
from enum import Enum

from tests.iam.account import Account, Function
from tests.iam.evaluation import Decision, Policies, Policy, Principal, decide
from tests.iam.policy import Request, Statement
from tests.iam.resolution import ACCOUNT, arn

EVERYTHING = Statement("administrator", {"Effect": "Allow", "Action": "*", "Resource": "*"})
# The policy of a key outside the template: IAM policies decide.
# https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
DEFAULT_KEY_POLICY = (
    Statement(
        "default key policy",
        {
            "Effect": "Allow",
            "Principal": {"AWS": arn("iam::{account}:root")},
            "Action": "kms:*",
            "Resource": "*",
        },
    ),
)
VIA_SERVICE = "kms:ViaService"
NOT_OVER_ENDPOINTS = ("rds-db",)  # it is a token in the log-in to the database, not a call


class Place(Enum):
    """The origin of a call with the credentials of a role.

    https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
    """

    CODE = "code"  # the code in the execution environment
    TELEMETRY = "telemetry"  # Lambda writes logs and traces, and sends the ARN of the function
    SERVICE = "service"  # Lambda polls the queue and makes network interfaces, without that ARN


@dataclass(frozen=True)
class Caller:
    """A principal with its own policies. `function` is None if the caller is not a function."""

    name: str
    principal: Principal
    identity: Policy
    function: Function | None = None
    place: Place = Place.SERVICE
    inside_vpc: bool = False
    session: Policy | None = None

    def __str__(self) -> str:
        return self.name

    def decide(self, account: Account, request: Request) -> Decision:
        """Returns the decision on a request of this caller."""
        endpoint: Policy | None = None
        direct = VIA_SERVICE not in request.keys and request.service not in NOT_OVER_ENDPOINTS
        if self.inside_vpc and direct:
            endpoint = account.endpoints.get(request.service)
            if endpoint is None and account.is_isolated:
                return Decision(allowed=False, reason=f"the VPC has no endpoint for {request.service}")
        is_key = request.service == "kms"
        policies = Policies(
            identity=self.identity,
            resource=account.resource_policies.get(request.resource, DEFAULT_KEY_POLICY if is_key else None),
            endpoint=endpoint,
            session=self.session,
            resource_decides=is_key,
        )
        return decide(self.principal, self.complete(request), policies)

    def complete(self, request: Request) -> Request:
        """Returns the request with the context keys that every call has."""
        keys: dict[str, str | tuple[str, ...]] = {"aws:SecureTransport": "true", **request.keys}
        if not self.principal.is_service:
            keys |= {"aws:PrincipalArn": self.principal.arn, "aws:PrincipalAccount": self.principal.account}
        if self.function is not None and self.place is not Place.SERVICE:
            keys["lambda:SourceFunctionArn"] = self.function.arn
        return replace(request, context=tuple(keys.items()))


def role_principal(name: str) -> Principal:
    """Returns the principal of a role, in a session."""
    return Principal(
        arn=arn(f"iam::{{account}}:role/{name}"),
        account=ACCOUNT,
        session=arn(f"sts::{{account}}:assumed-role/{name}/s"),
    )


def function_callers(account: Account) -> dict[tuple[str, Place], Caller]:
    """Returns the role of each function as a caller, once for each place."""
    return {
        (name, place): Caller(
            name=f"{name} ({place.value})",
            principal=role_principal(function.role),
            identity=account.roles[function.role],
            function=function,
            place=place,
            inside_vpc=function.in_vpc and place is Place.CODE,
        )
        for name, function in account.functions.items()
        for place in Place
    }


def service(name: str) -> Caller:
    """Returns an AWS service as a caller."""
    return Caller(name=name, principal=Principal(f"{name}.amazonaws.com"), identity=())


def stranger(*, identity: Policy = (), inside_vpc: bool = False, name: str = "Stranger") -> Caller:
    """Returns another role of the account as a caller."""
    return Caller(name=name, principal=role_principal(name), identity=identity, inside_vpc=inside_vpc)
