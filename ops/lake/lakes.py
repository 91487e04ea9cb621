"""The places that hold archives, as far as this machine reaches them."""

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
    """Erases in each place that holds archives of Parquet; what goes wrong in one must not stop the others."""
    results = []
    for target in dict.fromkeys(place(target).name for target in targets):
        where = place(target)
        try:
            if list_manifests(where):  # a folder of another machine holds none
                results.append(erase(where))
        except (PipelineError, BotoCoreError, ClientError) as error:
            results.append({"target": target, "archives": [], "files": 0, "logins": 0, "errors": [str(error)]})
    return results


def note_erased(lake: Erased) -> dict[str, object]:
    """What the audit table says of it."""
    return {
        "target": lake["target"],
        "archives": len(lake["archives"]),
        "files": lake["files"],
        "logins": lake["logins"],
        "is_complete": not lake["errors"],
    }


def not_erased(known: "list[KnownArchive]", lakes: list[Erased]) -> "list[KnownArchive]":
    """The archives of the audit table that were not looked through."""
    done = {archive for lake in lakes if not lake["errors"] for archive in lake["archives"]}
    return [each for each in known if each["archive"] not in done]


def describe_errors(lakes: list[Erased]) -> Iterator[str]:
    """A line for each thing that went wrong."""
    for lake in lakes:
        for error in lake["errors"]:
            yield f"archives in {lake['target']}: {error}"
