"""The tables, views and functions, as the SQL files and their comments describe them."""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

from docs_tools.markdown import code, table
from lambda_src.privileges import PRIVILEGES, ROLES

MIGRATIONS = Path(__file__).resolve().parent.parent / "lambda_src" / "migrations"
SCHEMAS = {"public": "logins and rejects", "audit": "what operators did", "vault": "sealed originals"}
TEXT = r"((?:'(?:[^']|'')*'\s*)+)"
COMMENT = re.compile(rf"COMMENT ON (TABLE|VIEW|MATERIALIZED VIEW|COLUMN|FUNCTION) ([\w.]+(?:\([^)]*\))?) IS\s*{TEXT};")
TABLE = re.compile(r"CREATE TABLE (\w+\.\w+) \((.*?)\n\)", re.DOTALL)
COLUMN = re.compile(r"    (\w+) +((?:timestamptz|varchar\(\d+\)|\w+))(.*)")


def tables() -> str:
    """A heading, the comment and the columns of each table and view, by schema."""
    comments = _comments()
    types = _types()
    parts = []
    for schema, meaning in SCHEMAS.items():
        parts.append(f"## Schema `{schema}`: {meaning}")
        for kind, name in _objects(comments, schema):
            columns = [column for column in comments if column.startswith(f"{name}.")]
            heads = ("column", "type", "meaning") if name in types else ("column", "meaning")
            rows = [_row(types.get(name), column.rpartition(".")[2], comments[column][1]) for column in columns]
            parts += [f"### {kind} `{name.removeprefix('public.')}`", textwrap.fill(comments[name][1] + ".", 100)]
            parts += [table(heads, rows)] if rows else []
    return "\n\n".join(parts)


def functions() -> str:
    """One row a function that a role may call."""
    rows = []
    for name, (kind, text) in sorted(_comments().items()):
        plain = name.partition("(")[0]
        roles = PRIVILEGES.get(f"FUNCTION {plain}", {})
        if kind == "FUNCTION" and roles:
            rows.append((code(name.removeprefix("public.")), ", ".join(roles), f"{text}."))
    return table(("function", "roles", "meaning"), rows)


def privileges() -> str:
    """One row a table or view: what each role may do."""
    kinds = {name: roles for name, roles in PRIVILEGES.items() if name.startswith("TABLE ")}
    rows = (
        (code(name.removeprefix("TABLE ")), *(roles.get(role, "") for role in ROLES)) for name, roles in kinds.items()
    )
    return table(("table or view", *ROLES), rows)


def _objects(comments: dict[str, tuple[str, str]], schema: str) -> Iterator[tuple[str, str]]:
    for name, (kind, _) in comments.items():
        if kind not in {"COLUMN", "FUNCTION"} and name.startswith(f"{schema}."):
            yield kind.capitalize(), name


def _row(types: dict[str, str] | None, name: str, text: str) -> tuple[str, ...]:
    return (code(name), f"{text}.") if types is None else (code(name), types[name], f"{text}.")


def _comments() -> dict[str, tuple[str, str]]:
    """The kind and the comment of each object, by its name with the schema, in the order of the files."""
    found = {}
    for path in sorted(MIGRATIONS.glob("**/*.sql")):
        for kind, name, texts in COMMENT.findall(path.read_text(encoding="utf-8")):
            text = "".join(re.findall(r"'((?:[^']|'')*)'", texts)).replace("''", "'").replace("*", r"\*")
            found[name] = (kind, text)
    return found


def _types() -> dict[str, dict[str, str]]:
    """The type of each column, by table and column, with `not null`."""
    found = {}
    for path in sorted(MIGRATIONS.glob("*.sql")):
        for name, body in TABLE.findall(path.read_text(encoding="utf-8")):
            columns = [match for line in body.splitlines() if (match := COLUMN.match(line))]
            found[name] = {
                match[1]: match[2] + (", not null" if re.search("NOT NULL|PRIMARY KEY", match[3]) else "")
                for match in columns
                if match[1].islower()
            }
    return found
