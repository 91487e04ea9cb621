"""The contract's fields, as `class Body` declares them."""

import math
from collections.abc import Callable
from typing import Any

from docs_tools.markdown import code, table
from lambda_src.contract import FIELDS
from lambda_src.fields import Field
from lambda_src.normal_forms import app_version_code, normal_ip

# What a function that gives a normal form or a code accepts.
FORMS: dict[Callable[..., Any], str] = {
    normal_ip: "IPv4 or IPv6 address of any range, without scope id",
    app_version_code: "1 to 3 numbers with dots between them, then any text",
}
CODES: dict[Callable[..., Any], str] = {app_version_code: "major · 1,000,000 + minor · 1,000 + patch"}


def fields() -> str:
    """One row a field: its name, its rule, its columns."""
    return table(
        ("field", "required", "rule", "column of `user_logins`"),
        ((code(field.name), _required(field), _rule(field), _columns(field)) for field in FIELDS.values()),
    )


def _required(field: Field) -> str:
    return "yes" if field.required else "no: absent or null"


def _rule(field: Field) -> str:
    kinds = {str: "text", int: "whole number", bool: "true or false"}
    parts = [kinds[field.kind]]
    if field.kind is str and field.largest < math.inf:
        least = f"{field.smallest:,.0f} to " if field.smallest else "at most "
        parts.append(f"{least}{field.largest:,.0f} characters")
    if field.kind is int:
        parts.append(f"{field.smallest:,.0f} to {field.largest:,.0f}")
    form = field.normal or field.code
    if form is not None:
        parts.append(FORMS[form])
    return "; ".join(parts)


def _columns(field: Field) -> str:
    if field.masked:
        return f"{code(f'masked_{field.name}')}: the pseudonym"
    if field.code is not None:
        return f"{code(field.name)} = {CODES[field.code]}; {code(str(field.text_column))}: as sent"
    return f"{code(field.name)}: as sent"
