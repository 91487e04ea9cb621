"""Erases in all places with archives that this machine reaches."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambda_src.errors import PipelineError
from ops.lake.erasure import Erased
from ops.lake.manifests import list_manifests
from ops.places import place

if TYPE_CHECKING:
    from ops.operations.archives import KnownArchive
    from ops.places import Place


def erase_in_lakes(targets: Iterable[str], erase: "Callable[[Place], Erased]") -> list[Erased]:
    """Erases in each place that holds Parquet archives; an error in one place does not stop the others."""
    results = []
    for target in dict.fromkeys(place(target).name for target in targets):
        where = place(target)
        try:
            if list_manifests(where):  # a folder on another machine has no manifests here
                results.append(erase(where))
        except (PipelineError, BotoCoreError, ClientError) as error:
            results.append({"target": target, "archives": [], "files": 0, "logins": 0, "errors": [str(error)]})
    return results


def note_erased(lake: Erased) -> dict[str, object]:
    """Returns the content of the audit entry of an erasure."""
    return {
        "target": lake["target"],
        "archives": len(lake["archives"]),
        "files": lake["files"],
        "logins": lake["logins"],
        "is_complete": not lake["errors"],
    }


def not_erased(known: "list[KnownArchive]", lakes: list[Erased]) -> "list[KnownArchive]":
    """Returns the archives of the audit table that no erasure has completely searched."""
    done = {archive for lake in lakes if not lake["errors"] for archive in lake["archives"]}
    return [each for each in known if each["archive"] not in done]


def describe_errors(lakes: list[Erased]) -> Iterator[str]:
    """Yields a line for each error."""
    for lake in lakes:
        for error in lake["errors"]:
            yield f"archives in {lake['target']}: {error}"
