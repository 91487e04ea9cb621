"""One history's world: servers, functions, operator, queues, files and salt, and the truth about them."""

import base64
import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.aws import AwsEndpoint
from tests.model import pipeline, processes
from tests.model.actors import Actor, Fault
from tests.model.draws import FUNCTIONS
from tests.model.letters import Queues, event_ids, message_ids
from tests.model.logins import event_of
from tests.model.pipeline import Function, Operator, Outcome
from tests.model.promises import judge
from tests.model.salt_steps import Create, Rotate
from tests.model.step import Step
from tests.model.steps import Deliver, Redrive
from tests.model.store import Store
from tests.model.truth import BrokenPromiseError, Done, Seen, Truth
from tests.model.turns import Turns

if TYPE_CHECKING:
    from tests.support import Record


class World:
    """The world of the histories. It is made once; `begin` starts a history."""

    def __init__(
        self, store: Store, aws: AwsEndpoint, vault_key: Any, directory: Path, setenv: Callable[[str, str], None]
    ) -> None:
        """Takes the servers, a directory for archives and what sets a variable of the environment."""
        self._setenv = setenv
        self.store = store
        self._aws = aws
        self._directory = directory
        self.queues = Queues(aws)
        self._vault_key = vault_key
        self.environment = store.environment | aws.environment
        self.environment |= {"QUEUE_URL": self.queues.url, "DLQ_URL": self.queues.dead_url, "VAULT_KEY": vault_key.arn}
        self._histories = 0
        self._parameter = ""

    def begin(self) -> None:
        """Starts a history with empty parts."""
        self._histories += 1
        self.now = datetime.now(UTC)
        self.store.reset()
        self.archive = self._directory / str(self._histories)
        self._parameter = f"/model/{self._histories}/salt"
        self.environment["SALT_PARAMETER"] = self._parameter
        for name, value in self.environment.items():
            self._setenv(name, value)
        self.truth = Truth()
        self.operator = Operator()
        self.turn_clock(0)
        self._steps = 0
        self._salts = 0
        self.versions: set[int] = set()  # that SSM has
        self.redriven: list[Record] = []
        self.is_intact = True
        self.put_salt()
        self.functions = [Function(self.environment | {"PGUSER": "ingest"}) for _ in range(FUNCTIONS)]
        self._sealing = [False] * FUNCTIONS
        for function in self.functions:
            function.restart()

    def end(self) -> None:
        """Leaves nothing behind."""
        for function in self.functions:
            function.close()
        self.queues.empty()
        if self.salt_exists():
            self._aws.ssm.delete_parameter(Name=self._parameter)
        shutil.rmtree(self.archive, ignore_errors=True)

    def take(self, *steps: Step, fault: Fault | None = None, turns: Sequence[int] = ()) -> None:
        """Runs one step, or two concurrently in `turns`, the first with the fault; then checks every promise."""
        self.is_intact = False
        letters = event_ids(self.queues.dead()) if any(isinstance(step, Redrive) for step in steps) else set()
        done = [self._prepare(step) for step in steps]
        actors = [Actor(step.role, refused=getattr(step, "refused", 0)) for step in steps]
        actors[0].fault = fault

        def run(at: int) -> None:
            done[at].outcome = steps[at].run(self, actors[at], done[at].reason)

        with processes.silence():
            if len(steps) == 1:
                run(0)
            else:
                jobs = [(actor, lambda at=at: run(at)) for at, actor in enumerate(actors)]
                Turns(turns, self.store.is_blocked).run(jobs)
        if len(steps) > 1 or actors[0].struck:
            done = [replace(each, has_to_work=False) for each in done]
        if any(isinstance(step, Rotate | Create) for step in steps):
            self._read_salt()
        self._check(done)
        if letters:
            self.redriven += self.queues.drain()
            missing = letters - event_ids(self.queues.dead()) - event_ids(self.redriven)
            if len(missing) > self.queues.hidden():
                raise BrokenPromiseError(f"dead letters are lost: {missing}")
        self.is_intact = True

    def _check(self, done: list[Done]) -> None:
        messages = [message for each in done if isinstance(each.step, Deliver) for message in each.step.messages]
        has_rejects = any(event_of(message.record) is None for message in messages)
        letters = message_ids(self.queues.dead()) if has_rejects else set()
        seen = Seen(self.store.look(), pipeline.complete_archives(self.archive), letters)
        judge(self.truth, done, seen)

    def restart(self, at: int, *, vault: bool) -> None:
        """Replaces the function's execution environment."""
        self._sealing[at] = vault
        self.functions[at].restart(VAULT_PUBLIC_KEY=self._vault_key.public if vault else "")

    def turn_clock(self, seconds: int) -> None:
        """Sets the operator's clock ahead of the server's by the given seconds."""
        processes.OPERATORS_CLOCK["offset"] = timedelta(seconds=seconds)

    def put_salt(self) -> None:
        """Writes a salt manually, without the command line."""
        self._salts += 1
        history = f"{self._histories} {self._salts}"
        value = base64.b64encode(hashlib.sha256(history.encode()).digest()).decode()
        answer = self._aws.ssm.put_parameter(Name=self._parameter, Value=value, Type="SecureString", Overwrite=True)
        self._learn(answer["Version"], value)

    def delete_salt(self) -> None:
        """Deletes the parameter of the salt."""
        self._aws.ssm.delete_parameter(Name=self._parameter)
        self.versions.clear()

    def salt_exists(self) -> bool:
        """Returns whether SSM has a salt."""
        return bool(self.versions)

    def salt_is_sound(self) -> bool:
        """Returns whether each version in SSM has always had the same key."""
        return self.salt_exists() and all(len(self.truth.salts[version]) == 1 for version in self.versions)

    def _read_salt(self) -> None:
        try:
            answer = self._aws.ssm.get_parameter_history(Name=self._parameter, WithDecryption=True)["Parameters"]
        except self._aws.ssm.exceptions.ParameterNotFound:
            answer = []
        for entry in answer:
            self._learn(entry["Version"], entry["Value"])

    def _learn(self, version: int, value: str) -> None:
        try:
            key = base64.b64decode(value, validate=True)
        except ValueError:
            return  # a placeholder, which no function uses
        self.versions.add(version)
        keys = self.truth.salts.setdefault(version, [])
        if key not in keys:
            keys.append(key)

    def _prepare(self, step: Step) -> Done:
        self._steps += 1
        is_sealing = isinstance(step, Deliver) and self._sealing[step.to]
        return Done(
            step, Outcome("failed"), f"step {self._steps}", step.may_bring(self), step.may_remove(self),
            step.has_to_work(self), step.month(self), is_sealing,
        )  # fmt: skip
