"""Records the decisions, so that a test can check them later."""

from dataclasses import dataclass, field

from tests.iam.account import Account
from tests.iam.callers import Caller
from tests.iam.evaluation import Decision
from tests.iam.policy import Request


@dataclass(frozen=True)
class Entry:
    """One decision on one request of one caller."""

    caller: Caller
    request: Request
    decision: Decision


@dataclass
class Journal:
    """All decisions, in order."""

    entries: list[Entry] = field(default_factory=list)

    def decide(self, account: Account, caller: Caller, request: Request) -> Decision:
        """Decides on a request, and records the decision."""
        decision = caller.decide(account, request)
        self.entries.append(Entry(caller, request, decision))
        return decision

    def allowed(self, caller: Caller) -> set[Request]:
        """Returns the requests of a caller that were allowed."""
        return {each.request for each in self.entries if each.caller.name == caller.name and each.decision.allowed}

    def refused(self) -> list[str]:
        """Returns a line for each refused request."""
        return [
            f"{each.caller}: {each.request}: {each.decision.reason}"
            for each in self.entries
            if not each.decision.allowed
        ]
