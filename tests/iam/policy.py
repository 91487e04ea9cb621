"""Requests, statements, and whether the one fits the other."""

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
    """One action on one resource, and what AWS knows of the call; `context` holds pairs, so that it is hashable."""

    action: str
    resource: str
    context: tuple[tuple[str, str | tuple[str, ...]], ...] = ()

    @cached_property
    def keys(self) -> Context:
        """The context by key."""
        return dict(self.context)

    @property
    def service(self) -> str:
        """The service that is called, as the action names it."""
        return self.action.partition(":")[0]

    def __str__(self) -> str:
        context = ", ".join(f"{key}={value}" for key, value in self.context)
        return f"{self.action} on {self.resource}{f' with {context}' if context else ''}"


@dataclass(frozen=True)
class Statement:
    """A statement of a policy; `body` is its JSON with every reference resolved, `name` says where it stands."""

    name: str
    body: Mapping[str, Any] = field(hash=False)

    def __post_init__(self) -> None:
        """Raises UnsupportedPolicyError for an element that is not known."""
        unknown = self.body.keys() - ELEMENTS
        if unknown:
            raise UnsupportedPolicyError(f"{self.name} has {', '.join(sorted(unknown))}.")

    @property
    def denies(self) -> bool:
        """Whether its effect is Deny."""
        return bool(self.body["Effect"] == "Deny")

    @property
    def actions(self) -> tuple[str, ...]:
        """Its actions, as written."""
        return as_texts(self.body.get("Action", []))

    def applies_to(self, request: Request) -> bool:
        """Whether it speaks of this request; of the principal it says nothing."""
        return self.covers(request) and conditions_hold(self.body.get("Condition", {}), request.keys)

    def covers(self, request: Request) -> bool:
        """Whether action and resource are meant; of conditions it says nothing."""
        return self._action_fits(request) and self._resource_fits(request)

    def _action_fits(self, request: Request) -> bool:
        if "NotAction" in self.body:
            return not any(matches_action(each, request.action) for each in as_texts(self.body["NotAction"]))
        return any(matches_action(each, request.action) for each in self.actions)

    def _resource_fits(self, request: Request) -> bool:
        if "NotResource" in self.body:
            return not any(matches_arn(each, request.resource) for each in as_texts(self.body["NotResource"]))
        return any(matches_arn(each, request.resource) for each in as_texts(self.body.get("Resource", "*")))
