"""The model's database. All histories share it; it is emptied between them and read after every step."""

from collections.abc import Callable
from contextlib import closing
from typing import Any, NamedTuple

import psycopg2
from psycopg2 import extensions, sql

from lambda_src.migrate import migrate
from lambda_src.settings import load_database_settings
from local.postgres import PostgresServer
from tests.model.leases import Pool

NAME = "model"
SCHEMAS = ("public", "audit", "vault")
OWN_TABLES = """
    SELECT c.oid::regclass::text, c.relkind = 'm' FROM pg_class c
    WHERE c.relnamespace = ANY (%s::regnamespace[]) AND c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition
    ORDER BY 1
"""
ROLE_SETTINGS = """
    SELECT r.rolname::text, s.setconfig FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole
    JOIN pg_database d ON d.oid = s.setdatabase WHERE d.datname = current_database()
"""
PARTITIONS = """
    SELECT i.inhrelid::regclass::text, c.relkind::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'user_logins'::regclass AND i.inhrelid <> 'user_logins_default'::regclass
"""
DROP_STATISTICS = """
    DELETE FROM pg_statistic s USING pg_class c
    WHERE c.oid = s.starelid AND c.relnamespace = ANY (%s::regnamespace[])
"""
# One statement reads the rows, the new audit entries, the links, and the other tables as text.
LOOK = """
    SELECT
        (SELECT coalesce(jsonb_agg(to_jsonb(l) - 'written_at'), '[]') FROM user_logins l),
        (SELECT coalesce(jsonb_agg(to_jsonb(e) ORDER BY id), '[]') FROM audit.entries e WHERE id > %s),
        (SELECT coalesce(jsonb_agg(jsonb_build_array(old, new)), '[]') FROM pseudonym_links),
        (SELECT jsonb_object_agg(name, text) FROM (
            SELECT name, string_agg(text, ' ') AS text FROM ({texts}) AS t (name, text) GROUP BY name) AS tables)
"""
STATISTICS = """
    SELECT s.starelid::regclass || '.' || a.attname,
           concat_ws(' ', stavalues1::text, stavalues2::text, stavalues3::text, stavalues4::text, stavalues5::text)
    FROM pg_statistic s JOIN pg_class c ON c.oid = s.starelid
    JOIN pg_attribute a ON a.attrelid = s.starelid AND a.attnum = s.staattnum
    WHERE c.relnamespace = ANY (%s::regnamespace[])
"""
LAST_ENTRY = "SELECT coalesce(max(id), 0) FROM audit.entries"
IS_BLOCKED = "SELECT cardinality(pg_blocking_pids(%s)) > 0"


class Look(NamedTuple):
    """The content of the database."""

    rows: list[dict[str, Any]]  # of user_logins, all columns but the time of writing
    entries: list[dict[str, Any]]  # of the audit table, new ones
    links: list[tuple[str, str]]  # old and new pseudonyms
    texts: dict[str, str]  # all other tables
    statistics: dict[str, str]  # the values in the planner statistics, by column


class Store:
    """The database, read through a superuser's connection that is not part of the pipeline."""

    def __init__(self, server: PostgresServer, migrate_fresh: Callable[[extensions.connection], Any] = migrate) -> None:
        """Creates and migrates the database."""
        self.environment = server.environment(NAME)
        with closing(_connect(server.environment("postgres"))) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(NAME)))
            # A short deadlock_timeout detects deadlocks of actors soon.
            cursor.execute(sql.SQL("ALTER DATABASE {} SET deadlock_timeout = '100ms'").format(sql.Identifier(NAME)))
        self._connection = _connect(self.environment)
        self._migrate = migrate_fresh
        self._migrate(self._connection)
        self._connection.autocommit = True
        relations = self.query(OWN_TABLES, list(SCHEMAS))
        self._relations = [name for name, _ in relations]
        self._is_analyzed = False
        self._views = [name for name, is_view in relations if is_view]
        tables = [name for name, is_view in relations if not is_view]
        self._emptied = [name for name in tables if not self.query(f"SELECT FROM {name} LIMIT 1")]
        self._partitions = set(self.query(PARTITIONS))
        others = [name for name, _ in relations if name not in ("schema_migrations", "user_logins")]
        texts = " UNION ALL ".join(f"SELECT '{name}', t::text FROM {name} t" for name in others)
        self._look = LOOK.format(texts=texts)
        self.last_entry = 0
        self.pool = Pool(_arguments(self.environment), dict(self.query(ROLE_SETTINGS)))

    def query(self, statement: str, *values: Any) -> list[Any]:
        """Returns all rows of a query; an empty list for a statement without rows."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description is not None else []

    def reset(self) -> None:
        """Resets the database to its first state."""
        emptying = "; ".join(f"DELETE FROM {name}" for name in self._emptied)
        self.query(f"SET session_replication_role = replica; {emptying}; RESET session_replication_role")
        if self._is_analyzed:
            self.query(DROP_STATISTICS, list(SCHEMAS))
        self._is_analyzed = False
        for name in self._views:
            if self.query(f"SELECT FROM {name} LIMIT 1"):
                self.query(f"REFRESH MATERIALIZED VIEW {name}")
        found = set(self.query(PARTITIONS))
        for name, _ in found - self._partitions:
            self.query(f"DROP TABLE {name}")
        if found != self._partitions:
            self._connection.autocommit = False
            self._migrate(self._connection)
            self._connection.autocommit = True
        ((self.last_entry,),) = self.query(LAST_ENTRY)

    def is_blocked(self, backend: int) -> bool:
        """Returns whether that Postgres process waits for a lock of another one."""
        return bool(self.query(IS_BLOCKED, backend)[0][0])

    def analyze(self) -> None:
        """Runs ANALYZE, as autovacuum does after enough changes."""
        self.query(f"ANALYZE {', '.join(self._relations)}")
        self._is_analyzed = True

    def look(self) -> Look:
        """Returns the content; of the audit entries, those since the last read."""
        ((rows, entries, links, texts),) = self.query(self._look, self.last_entry)
        statistics = dict(self.query(STATISTICS, list(SCHEMAS))) if self._is_analyzed else {}
        self.last_entry = max((entry["id"] for entry in entries), default=self.last_entry)
        return Look(rows, entries, links, texts, statistics)

    def close(self) -> None:
        """Ends all connections."""
        self.pool.close()
        self._connection.close()


def _arguments(environment: dict[str, str]) -> dict[str, Any]:
    settings = load_database_settings(environment)
    return {
        "host": settings.host,
        "port": settings.port,
        "dbname": settings.name,
        "user": settings.user,
        "password": settings.password,
        "client_encoding": "UTF8",
    }


def _connect(environment: dict[str, str]) -> extensions.connection:
    connection: extensions.connection = psycopg2.connect(**_arguments(environment))
    return connection
