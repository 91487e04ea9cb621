"""Deletes files of killed runs: files that no manifest names, and manifests of earlier generations.

A file without a manifest may also belong to a run that still works. So before the files are deleted, the archive gets
another generation. That run can then no longer add a manifest, and it reports that its archive was given up.
"""

from typing import TYPE_CHECKING

from ops.errors import TakenError
from ops.lake.files import unnamed_files
from ops.lake.manifests import add_manifest, list_manifests, make_manifest, old_manifests, with_files

if TYPE_CHECKING:
    from ops.places import Place


def remove_leftovers(where: "Place", month: str | None = None) -> None:
    """Deletes the files of a month, or of all months, that no manifest names."""
    current = {manifest["archive"]: manifest for manifest in list_manifests(where, month)}
    for archive, paths in unnamed_files(where, list(current.values()), month).items():
        known = current.get(archive) or make_manifest(paths[0].partition("/")[0].removeprefix("month="), archive)
        try:
            add_manifest(where, with_files(known, known["files"]))
        except TakenError:
            continue  # another process changes that archive
        for path in paths:
            where.remove(path)
    for path in old_manifests(where, list_manifests(where, month)):
        where.remove(path)
