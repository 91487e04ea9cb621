"""Requests and policy statements; a statement can tell whether it applies to a request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tests.iam.arns import matches_action, matches_arn
from tests.iam.conditions import Context, as_texts, conditions_hold
from tests.iam.errors import UnsupportedPolicyError

ELEMENTS = {
    "Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "NotResource", "Condition",
}  # fmt: skip


@dataclass(frozen=True)
class Request:
    """An action on a resource, with the context keys of the call. `context` holds pairs, so that it is hashable."""

    action: str
    resource: str
    context: tuple[tuple[str, str | tuple[str, ...]], ...] = ()

    @cached_property
    def keys(self) -> Context:
        """Returns the context by key."""
        return dict(self.context)

    @property
    def service(self) -> str:
        """Returns the service, which is the prefix of the action."""
        return self.action.partition(":")[0]

    def __str__(self) -> str:
        context = ", ".join(f"{key}={value}" for key, value in self.context)
        return f"{self.action} on {self.resource}{f' with {context}' if context else ''}"


@dataclass(frozen=True)
class Statement:
    """A policy statement. `body` is its JSON with resolved references; `name` is its place in the template."""

    name: str
    body: Mapping[str, Any] = field(hash=False)

    def __post_init__(self) -> None:
        """Raises UnsupportedPolicyError for an unknown element."""
        unknown = self.body.keys() - ELEMENTS
        if unknown:
            raise UnsupportedPolicyError(f"{self.name} has {', '.join(sorted(unknown))}.")

    @property
    def denies(self) -> bool:
        """Returns whether the effect is Deny."""
        return bool(self.body["Effect"] == "Deny")

    @property
    def actions(self) -> tuple[str, ...]:
        """Returns the actions as written."""
        return as_texts(self.body.get("Action", []))

    def applies_to(self, request: Request) -> bool:
        """Returns whether action, resource and conditions match a request. It does not check the principal."""
        return self.covers(request) and conditions_hold(self.body.get("Condition", {}), request.keys)

    def covers(self, request: Request) -> bool:
        """Returns whether action and resource match a request. It does not check conditions."""
        return self._action_fits(request) and self._resource_fits(request)

    def _action_fits(self, request: Request) -> bool:
        if "NotAction" in self.body:
            return not any(matches_action(each, request.action) for each in as_texts(self.body["NotAction"]))
        return any(matches_action(each, request.action) for each in self.actions)

    def _resource_fits(self, request: Request) -> bool:
        if "NotResource" in self.body:
            return not any(matches_arn(each, request.resource) for each in as_texts(self.body["NotResource"]))
        return any(matches_arn(each, request.resource) for each in as_texts(self.body.get("Resource", "*")))
