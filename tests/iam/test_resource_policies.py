"""The policies of queues, keys, topics and functions permit what AWS services need, and nothing else."""

from collections.abc import Callable

import pytest

from tests.iam.account import Account
from tests.iam.callers import EVERYTHING, Caller, function_callers, role_principal, stranger
from tests.iam.excess import allowed
from tests.iam.loading import load_account
from tests.iam.neighbours import universe
from tests.iam.services import service_needs, service_universe
from tests.iam.widening import replaced, widenings, with_resource
from tests.infra.conftest import Template

INSECURE = ("aws:SecureTransport", "false")


@pytest.fixture(params=["vault", "no_quarantine", "eventbridge"])
def account(request: pytest.FixtureRequest, synthesize: Callable[[str], Template]) -> Account:
    """The account of three stacks: producers, a topic or an event bus send the events."""
    return load_account(synthesize(request.param).body)


def excess(account: Account) -> set[str]:
    """Returns what services may do without need, what a role without permissions may do, and what works without TLS."""
    needed = {(caller.name, request) for caller, request in service_needs(account)}
    found = {
        f"{caller}: {request}"
        for caller, request in service_universe(account)
        if (caller.name, request) not in needed and caller.decide(account, request).allowed
    }
    nobody = stranger()
    requests = universe(account)
    found |= {f"{nobody}: {request}" for request in allowed(account, nobody, requests)}
    insecure = [each for each in requests if INSECURE in each.context and each.resource in account.resource_policies]
    administrator = stranger(identity=(EVERYTHING,), name="Administrator")
    for caller in (administrator, *function_callers(account).values()):
        found |= {f"{caller}: {request}" for request in allowed(account, caller, insecure)}
    return found


def test_services_may_do_what_they_need(account: Account) -> None:
    refused = [
        f"{caller}: {request}"
        for caller, request in service_needs(account)
        if not caller.decide(account, request).allowed
    ]
    assert refused == []


def test_needs_of_services_are_among_the_neighbours(account: Account) -> None:
    asked = {(caller.name, request) for caller, request in service_universe(account)}
    assert {(caller.name, request) for caller, request in service_needs(account)} - asked == set()


def test_nobody_else_may_do_anything(account: Account) -> None:
    assert sorted(excess(account)) == []


def test_widened_statement_of_a_resource_is_noticed(account: Account) -> None:
    unnoticed = [
        f"{statement.name}: {change}"
        for resource, policy in account.resource_policies.items()
        for statement in policy
        for change, wider in widenings(statement)
        if change != "Resource *"  # the policy of a resource applies only to that resource
        and not excess(with_resource(account, resource, replaced(policy, statement, wider)))
    ]
    assert unnoticed == []


def test_roles_of_services_have_no_permission_on_what_is_of_others(account: Account) -> None:
    """An example is the role that writes the flow logs."""
    of_functions = {function.role for function in account.functions.values()}
    for role, policy in account.roles.items():
        if role not in of_functions:
            caller = Caller(name=role, principal=role_principal(role), identity=policy)
            assert sorted(map(str, allowed(account, caller, universe(account)))) == []
