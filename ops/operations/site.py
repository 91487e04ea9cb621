"""The site of an operation: the database, the salt and the caller."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3

from lambda_src.errors import SettingsError
from lambda_src.settings import load_database_settings
from ops.database import Database
from ops.errors import OpsError
from ops.salts import SaltHistory
from ops.settings import load_settings, region

if TYPE_CHECKING:
    from psycopg2 import extensions


@dataclass
class Site:
    """The site of one call; `actor` is the ARN of the caller, `request_id` the operator function's.

    `login` holds the PG* variables of the call's role if they are not in the environment.
    """

    actor: Callable[[], str]
    request_id: str | None
    salt_parameter: str | None = None
    login: Mapping[str, str] = field(default_factory=dict, repr=False)

    @cached_property
    def database(self) -> Database:
        """Postgres, as PG* names it; raises SettingsError."""
        try:
            return Database(load_database_settings({**os.environ, **self.login}))
        except SettingsError as error:
            raise SettingsError(
                f"{error} Or name the deployed stack with --stack, whose operator functions reach its database."
            ) from None

    @cached_property
    def salts(self) -> SaltHistory:
        """The salt in all its versions."""
        parameter = self.salt_parameter or load_settings().require("salt_parameter")
        return SaltHistory(boto3.client("ssm", region_name=region()), parameter)

    @property
    def has_used_database(self) -> bool:
        """Whether an operation has asked for the database."""
        return "database" in self.__dict__

    def close(self) -> None:
        """Closes the connection."""
        if self.has_used_database:
            self.database.close()


def one_row(sql: str, arguments: tuple[object, ...] = ()) -> "Callable[[extensions.cursor], tuple[Any, ...]]":
    """Returns the work of a statement that gives one row."""

    def work(cursor: "extensions.cursor") -> tuple[Any, ...]:
        cursor.execute(sql, arguments)
        return fetch_one(cursor)

    return work


def fetch_one(cursor: "extensions.cursor") -> tuple[Any, ...]:
    """The row of a statement that always gives one; raises OpsError."""
    row = cursor.fetchone()
    if row is None:
        raise OpsError("Postgres gave no row where one was due. Run the migrations.")
    return row
