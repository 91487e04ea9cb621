"""The alarms of the stack's own database. The owner of an existing database monitors it."""

from collections.abc import Sequence

from infra.database import Database
from infra.monitoring.alarm import Alarm
from infra.monitoring.metrics import database_metric
from infra.settings import Settings

GIB = 1024**3
# A micro instance has 1 GiB of memory, of which little is free even without load.
MEMORY_BOUND, MICRO_MEMORY_BOUND = 0.15 * GIB, 0.05 * GIB


def database_alarms(database: Database, max_connections: int, settings: Settings) -> Sequence[Alarm]:
    """Return the alarms of the stack's own database."""
    memory_bound = MICRO_MEMORY_BOUND if settings.instance_class.endswith(".micro") else MEMORY_BOUND
    alarms = [
        Alarm(
            id="DatabaseCpu",
            metric=database_metric(database, "CPUUtilization"),
            bound=80,
            periods=6,
            action="The database has been busy for half an hour. Look for expensive queries of analysts; take a "
            "larger instanceClass (or maxCapacity).",
        ),
        Alarm(
            id="DatabaseConnections",
            metric=database_metric(database, "DatabaseConnections", "Maximum"),
            bound=0.8 * max_connections,
            periods=3,
            action="Most connections are taken. Find who holds them in pg_stat_activity; the pipeline itself stays "
            "within ingestConnections.",
        ),
        Alarm(
            id="DatabaseMemory",
            metric=database_metric(database, "FreeableMemory", "Minimum"),
            bound=memory_bound,
            periods=3,
            below=True,
            action="The database is short of memory. Look for large sorts of analysts; take a larger instanceClass "
            "(or maxCapacity).",
        ),
    ]
    if database.kind == "aurora":
        alarms.append(
            Alarm(
                id="DatabaseCapacity",
                metric=database_metric(database, "ACUUtilization", "Maximum"),
                bound=90,
                periods=6,
                action="Aurora has run at its highest capacity for half an hour. Raise maxCapacity.",
            )
        )
    else:
        alarms.append(
            Alarm(
                id="DatabaseStorage",
                metric=database_metric(database, "FreeStorageSpace", "Minimum"),
                bound=0.1 * settings.storage_gib * GIB,
                periods=6,
                below=True,
                action="The storage is nearly full and has not grown by itself. Raise maxStorageGib, or archive "
                "old months.",
            )
        )
    return alarms
