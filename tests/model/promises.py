"""Checks the promises against the state after every step. The checks use the contract and not the code."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from tests.model.logins import RAW_VALUES, Key, event_of
from tests.model.steps import Archive, Deliver, Forget, Restore
from tests.model.truth import Done, Row, Seen, Truth, check, pseudonyms_in, removes_logins


def judge(truth: Truth, steps: Sequence[Done], seen: Seen) -> None:
    """Checks and records the state after `steps`, which ran concurrently; raises BrokenPromiseError."""
    before, truth.rows = truth.rows, truth.checked(seen.look.rows)
    came, went = truth.rows.keys() - before.keys(), before.keys() - truth.rows.keys()
    check(came <= {key for done in steps for key in done.brings}, "logins came that nobody brought", came)
    check(went <= {key for done in steps for key in done.removes}, "logins went that nobody removed", went)
    for key in before.keys() & truth.rows.keys():
        if not any(key in done.removes for done in steps):
            check(before[key] == truth.rows[key], "a login has changed", before[key], truth.rows[key])
    counted = sum(int(entry["counts"]["logins"]) for entry in seen.look.entries if removes_logins(entry))
    is_exact = len(steps) == 1
    check(counted == len(went) or (counted > len(went) and not is_exact), "the audit counts", counted, went)
    truth.archives = {name: truth.checked(logins) for name, logins in seen.archives.items()}
    _removals(truth, steps, seen, before)
    truth.owed |= truth.rows.keys()
    lost = truth.owed - truth.rows.keys() - truth.held()
    check(not lost, "logins are lost", lost)
    for done in steps:
        _judge_outcome(truth, done, [other for other in steps if other is not done], before, seen)
    _judge_vault(truth, steps, seen, came)
    _judge_forgotten(truth, steps, seen)


def _removals(truth: Truth, steps: Sequence[Done], seen: Seen, before: Mapping[Key, Row]) -> None:
    for done in steps:
        if not done.committed(seen):
            continue
        if not isinstance(done.step, Archive):
            truth.owed -= (before.keys() - truth.rows.keys()) & done.removes
        if isinstance(done.step, Forget):
            truth.owed -= done.removes
            truth.dead |= {
                (name, key) for name, logins in truth.archives.items() for key in logins.keys() & done.removes
            }
            arriving = {key for other in steps if isinstance(other.step, Deliver) for key in other.brings}
            left = truth.rows.keys() & done.removes - arriving
            check(not left, "a forgotten person is still there", left)
            if done.outcome.how == "done":
                kept = {key for logins in truth.archives.values() for key in logins} & done.removes - arriving
                check(not kept, "an archive holds a forgotten person", kept)
                user = f"person-{done.step.user}"
                owned = truth.pseudonyms(truth.of_user(user))
                truth.forgotten[user] = owned - truth.pseudonyms_of_others(user)


def _judge_outcome(truth: Truth, done: Done, others: Sequence[Done], before: Mapping[Key, Row], seen: Seen) -> None:
    if done.outcome.how != "done":
        check(not done.has_to_work or done.outcome.how == "killed", "a step failed", done.step, done.outcome.text)
        return
    removed = {key for other in others if other.committed(seen) for key in other.removes}
    if isinstance(done.step, Deliver):
        failed = set(done.outcome.value)
        good = [(message, event_of(message.record)) for message in done.step.messages]
        keys = {event.key for message, event in good if event and message.record["messageId"] not in failed}
        gone = {
            key for other in others if other.committed(seen) and other.step.action != "archive" for key in other.removes
        }
        lost = keys - gone - truth.rows.keys() - truth.held()
        check(not lost, "a login was taken for written", lost)
        for message, event in good:
            message_id = message.record["messageId"]
            if event is None and message_id not in failed:
                is_noted = message_id in seen.look.texts.get("rejected_logins", "")
                check(is_noted and message_id in seen.letters, "a reject has disappeared", message)
        refused = [message for message, event in good if event and message.record["messageId"] in failed]
        check(not (refused and done.has_to_work), "a good login was refused", refused)
    elif isinstance(done.step, Forget):
        # Also where there was no login: a restore leaves out whom an entry names.
        check(done.committed(seen), "an erasure has left no audit entry", done.step)
    elif isinstance(done.step, Restore):
        missing = done.brings - removed - truth.rows.keys()
        check(not missing, "a restore left logins out", missing)
    elif isinstance(done.step, Archive):
        arriving = {key for other in others for key in other.brings}
        month = {key for key in before if key[1][:7] == done.month} - removed - arriving
        check(month <= truth.held(), "an archive left logins out", month - truth.held())
        left = month & truth.rows.keys() if done.step.drop else ()
        check(not left, "a month that was dropped is still there", left)


def _judge_vault(truth: Truth, steps: Sequence[Done], seen: Seen, came: AbstractSet[Key]) -> None:
    for done in steps:
        if done.seals and done.outcome.how == "done":
            others = {key for other in steps if other is not done for key in other.brings}
            truth.sealed |= came & done.brings - others
        if done.committed(seen):
            truth.sealed -= done.removes
    truth.sealed &= truth.rows.keys()
    boxes = seen.look.texts.get("vault.inbox", "") + seen.look.texts.get("vault.originals", "")
    lost = [p for p in pseudonyms_in(truth.rows[key] for key in truth.sealed) if p not in boxes]
    check(not lost, "the vault has lost originals", lost)
    originals: dict[str, str] = {}
    for event in truth.events.values() if seen.look.links else ():
        originals |= event.originals(truth.salts)
    for old, new in seen.look.links:
        check(originals[old] == originals[new], "a link pairs two originals", old, new)
    for name, text in seen.look.texts.items():
        check(not any(raw in text for raw in RAW_VALUES), "a raw value is stored", name)


def _judge_forgotten(truth: Truth, steps: Sequence[Done], seen: Seen) -> None:
    arriving = {key for done in steps if isinstance(done.step, Deliver) for key in done.brings}
    here = arriving | truth.rows.keys()
    for user in truth.forgotten.keys() & {truth.events[key].user for key in here}:
        del truth.forgotten[user]
    for user, pseudonyms in truth.forgotten.items():
        pseudonyms.difference_update(truth.pseudonyms(here))
        for name, text in (seen.look.texts | seen.look.statistics).items():
            found = [needle for needle in (user, *pseudonyms) if needle in text]
            check(not found, "something of a forgotten person is left", user, name)
