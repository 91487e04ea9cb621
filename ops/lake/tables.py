"""Makes the table `user_logins` of a query: months in Postgres and in archives, each login once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ops.errors import OpsError
from ops.lake.engine import quote
from ops.lake.manifests import Manifest, list_manifests
from ops.lake.reading import file_url

if TYPE_CHECKING:
    import duckdb

    from ops.places import Place

# Selects the archived months that also have logins in Postgres: late logins, or the month was not dropped.
SELECT_SHARED_MONTHS = """
    SELECT to_char(month, 'YYYY-MM') FROM unnest(ARRAY[{months}]::date[]) AS month
    WHERE EXISTS (SELECT FROM public.user_logins l
                  WHERE l.create_date >= month AND l.create_date < month + interval '1 month')
"""
READ_FILES = "SELECT * FROM read_parquet([{files}], union_by_name = true, hive_partitioning = false)"
READ_HOT = "SELECT * REPLACE (event_id::VARCHAR AS event_id) FROM hot.public.user_logins"
ASK_HOT = "SELECT * FROM postgres_query('hot', $1)"
MONTH = "strftime(create_date, '%Y-%m')"
ONCE = "SELECT DISTINCT ON (event_id, create_date) * FROM ({parts})"
UNION = " UNION ALL BY NAME "


@dataclass
class Archived:
    """The files of the archives, by month; and months with more than one archive."""

    files: dict[str, list[str]] = field(default_factory=dict)
    doubled: set[str] = field(default_factory=set)

    @property
    def all_files(self) -> list[str]:
        """Returns the files of all months."""
        return [file for files in self.files.values() for file in files]


def find_archived(places: "Iterable[Place]") -> Archived:
    """Returns the files of all archives in these places; raises OpsError if a file of a manifest is missing."""
    found = Archived()
    for where in places:
        manifests = [manifest for manifest in list_manifests(where) if manifest["files"]]
        _check_files(where, manifests)
        for manifest in manifests:
            month = manifest["month"]
            if month in found.files:
                found.doubled.add(month)
            found.files.setdefault(month, []).extend(file_url(where, file["name"]) for file in manifest["files"])
    return found


def shared_months(engine: "duckdb.DuckDBPyConnection", months: Iterable[str]) -> set[str]:
    """Returns the months that have a login in Postgres."""
    wanted = ", ".join(quote(f"{month}-01") for month in months)
    if not wanted:
        return set()
    rows = engine.execute(ASK_HOT, [SELECT_SHARED_MONTHS.format(months=wanted)]).fetchall()
    return {month for (month,) in rows}


def create_logins(engine: "duckdb.DuckDBPyConnection", archived: Archived, *, has_hot: bool) -> None:
    """Creates the view user_logins. If a month has several sources, it merges them by the key of a login."""
    shared = shared_months(engine, archived.files) if has_hot else set()
    merged = sorted(archived.doubled | shared)
    plain = [file for month, files in archived.files.items() if month not in merged for file in files]
    in_merged = f"{MONTH} IN ({', '.join(map(quote, merged))})"
    parts = []
    if has_hot:
        parts.append(f"{READ_HOT} WHERE NOT {in_merged}" if shared else READ_HOT)
    if plain:
        parts.append(_read(plain))
    if merged:
        again = [_read([file for month in merged for file in archived.files[month]])]
        if shared:
            # Postgres filters by the bounds, and DuckDB by the month.
            first, last = (quote(f"{month}-01") for month in (merged[0], merged[-1]))
            bounds = f"create_date >= {first}::DATE AND create_date <= last_day({last}::DATE)"
            again.append(f"{READ_HOT} WHERE {bounds} AND {in_merged}")
        parts.append(ONCE.format(parts=UNION.join(again)))
    engine.execute(f"CREATE VIEW user_logins AS {UNION.join(f'({part})' for part in parts)}")


def _read(files: Sequence[str]) -> str:
    return READ_FILES.format(files=", ".join(map(quote, files)))


def _check_files(where: "Place", manifests: Sequence[Manifest]) -> None:
    there = set(where.paths(""))
    for manifest in manifests:
        for file in manifest["files"]:
            if file["name"] not in there:
                raise OpsError(f"{where.name}/{file['name']} is missing, but a manifest names it.")
