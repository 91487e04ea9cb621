"""The synthesized template gives the functions the permissions that they need, and no more."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from local.aws import AwsEndpoint
from ops.errors import Exit
from ops.operations.registry import OPERATIONS
from tests.iam.conftest import Played
from tests.iam.excess import endpoint_excess, excess, needs_of, words
from tests.iam.neighbours import universe
from tests.iam.scenario import REMOVAL, function_of
from tests.iam.widening import replaced, widenings, with_endpoint, with_role

# The managed policy also permits the CDK's provider to create its log group, which the stack has already made.
UNUSED = ("AWSLambdaBasicExecutionRole",)


def test_everything_that_is_needed_is_allowed(played: Played) -> None:
    assert played.journal.refused() == []
    # Exit code 3 is not a failure here: `doctor` reports problems of the emulator.
    assert [(each.code, each.err) for each in played.commands if each.code not in (Exit.DONE, Exit.PROBLEMS)] == []
    assert played.provisioned["salt_created"] is True
    assert {name for names in OPERATIONS.values() for name in names} - played.runtime.operations == set()


def test_removal_of_the_salt_is_allowed(removed: Played, aws: AwsEndpoint) -> None:
    assert removed.journal.refused() == []
    with pytest.raises(aws.ssm.exceptions.ParameterNotFound):
        aws.ssm.get_parameter(Name=removed.account.outputs["SaltParameter"])


def test_nothing_else_is_allowed(played: Played) -> None:
    """The requests name other parameters, queues, keys, database users, functions, and the history of the salt."""
    needs = needs_of(played.account, played.journal)
    requests = universe(played.account)
    assert words(excess(played.account, needs, played.account.functions, requests)) == []
    assert words(endpoint_excess(played.account, needs, requests)) == []


def test_removal_may_do_nothing_else(removed: Played) -> None:
    needs = needs_of(removed.account, removed.journal)
    only_removal = (function_of(removed.account, REMOVAL),)
    assert words(excess(removed.account, needs, only_removal, universe(removed.account))) == []


def test_neighbours_include_what_is_needed(played: Played, removed: Played) -> None:
    """Otherwise a need that is spelled differently could hide an excess permission."""
    for each in (played, removed):
        needed = set().union(*needs_of(each.account, each.journal).values())
        assert [str(request) for request in needed - set(universe(each.account))] == []


def test_each_action_of_each_statement_is_used(played: Played, removed: Played) -> None:
    used = {
        (statement.name, action)
        for each in (played, removed)
        for entry in each.journal.entries
        for statement in entry.decision.by
        for action in statement.actions
        if replace(statement, body={**statement.body, "Action": action}).applies_to(
            entry.caller.complete(entry.request)
        )
    }
    given = {
        (statement.name, action)
        for each in (played, removed)
        for function in each.account.functions.values()
        for statement in each.account.roles[function.role]
        if not statement.denies
        for action in statement.actions
    }
    unused = {pair for pair in given - used if not pair[0].endswith(tuple(UNUSED))}
    assert sorted(unused) == []


def test_widened_statement_of_a_function_is_noticed(played: Played, removed: Played) -> None:
    everything = tuple(played.account.functions)
    only_removal = (function_of(removed.account, REMOVAL),)
    assert [*unnoticed_in_roles(played, everything), *unnoticed_in_roles(removed, only_removal)] == []


def unnoticed_in_roles(played: Played, names: tuple[str, ...]) -> Iterator[str]:
    """Yields changes of the functions' statements that cause no excess."""
    account = played.account
    needs, requests = needs_of(account, played.journal), universe(account)
    for name in names:
        role = account.functions[name].role
        for statement in account.roles[role]:
            for change, wider in widenings(statement):
                widened = with_role(account, role, replaced(account.roles[role], statement, wider))
                met = [each for each in requests if (wider or statement).covers(each)]
                if not excess(widened, needs, (name,), met):
                    yield f"{statement.name}: {change}"


def test_widened_statement_of_an_endpoint_is_noticed(played: Played) -> None:
    needs, requests = needs_of(played.account, played.journal), universe(played.account)
    unnoticed = [
        f"{statement.name}: {change}"
        for service, policy in played.account.endpoints.items()
        for statement in policy
        for change, wider in widenings(statement)
        if not endpoint_excess(
            with_endpoint(played.account, service, replaced(policy, statement, wider)), needs, requests
        )
    ]
    assert unnoticed == []
