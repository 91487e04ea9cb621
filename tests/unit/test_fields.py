"""What a line of the table of fields may say."""

import math
from typing import Annotated, Any, Literal, Optional, Union

import msgspec
import pytest
from msgspec import Meta

from lambda_src.fields import Field, read_fields
from tests.support import label

LARGEST = 2_147_483_647
REQUIRED = msgspec.NODEFAULT


def shout(text: str) -> str:
    """Stands for a normal form."""
    return text.upper()


def count(text: str) -> int:
    """Stands for a code."""
    return len(text)


def read(kind: Any, default: Any = REQUIRED) -> Field:
    """The field that a table with one line declares."""
    table = msgspec.defstruct("Table", [("new", kind, default)], kw_only=True)
    (field,) = read_fields(table).values()
    return field


TEXT = Field("new", str, required=True, smallest=0, largest=math.inf, masked=False, normal=None, code=None)
INTEGER = TEXT._replace(kind=int, smallest=-LARGEST - 1, largest=LARGEST)
BOOLEAN = TEXT._replace(kind=bool, smallest=-math.inf)


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        (str, TEXT),
        (Annotated[str, Meta()], TEXT),
        (Annotated[str, Meta(description="words", title="New")], TEXT),
        (Annotated[str, Meta(min_length=1, max_length=8)], TEXT._replace(smallest=1, largest=8)),
        (
            Annotated[Annotated[str, Meta(min_length=1)], Meta(max_length=8)],
            TEXT._replace(smallest=1, largest=8),
        ),
        (Annotated[str, Meta(extra={})], TEXT),
        (Annotated[str, Meta(extra={"masked": True})], TEXT._replace(masked=True)),
        (Annotated[str, Meta(extra={"masked": False})], TEXT),
        (Annotated[str, Meta(extra={"normal": shout})], TEXT._replace(normal=shout)),
        (Annotated[str, Meta(extra={"masked": True, "normal": shout})], TEXT._replace(masked=True, normal=shout)),
        (Annotated[str, Meta(extra={"code": count})], TEXT._replace(code=count)),
        (int, INTEGER),
        (Annotated[int, Meta(ge=1, le=8)], INTEGER._replace(smallest=1, largest=8)),
        (Annotated[int, Meta(ge=-(2**40))], INTEGER),
        (Annotated[int, Meta(le=2**40)], INTEGER),
        (Annotated[int, Meta(extra={"normal": abs})], INTEGER._replace(normal=abs)),
        (bool, BOOLEAN),
        (Annotated[bool, Meta(description="yes or no")], BOOLEAN),
    ],
    ids=label,
)
def test_declaration_that_is_supported(kind: Any, field: Field) -> None:
    optional = field._replace(required=False)
    assert read(kind) == field
    assert read(kind | None, None) == optional
    assert read(None | kind, None) == optional
    assert read(Optional[kind], None) == optional  # noqa: UP045  another way to write it
    assert read(Union[kind, None], None) == optional  # noqa: UP007


@pytest.mark.parametrize(
    "kind",
    [
        Annotated[str, Meta(min_length=1, extra={"masked": True})] | None,
        Annotated[Annotated[str, Meta(min_length=1)] | None, Meta(extra={"masked": True})],
        Annotated[Annotated[str, Meta(min_length=1)], Meta(extra={"masked": True})] | Annotated[None, Meta(title="x")],
        Annotated[str, Meta(extra={"masked": True}), Meta(min_length=1)] | None,
    ],
    ids=range(4),
)
def test_meta_inside_and_around_an_optional_type(kind: Any) -> None:
    field = read(kind, None)
    assert (field.kind, field.required, field.smallest, field.masked) == (str, False, 1, True)


@pytest.mark.parametrize(
    ("kind", "default"),
    [
        (float, REQUIRED),
        (bytes, REQUIRED),
        (list[str], REQUIRED),
        (dict[str, str], REQUIRED),
        (Any, REQUIRED),
        (None, REQUIRED),
        (None, None),
        (str | int, REQUIRED),
        (str | int | None, None),
        (Literal["a", "b"], REQUIRED),
        (float | None, None),
        (str, "a default"),
        (str, None),
        (str | None, REQUIRED),
        (str | None, "a default"),
        (int, 0),
        (bool, False),
        (bool | None, False),
        (int | msgspec.UnsetType, msgspec.UNSET),
        (Annotated[str, Meta(pattern="^a")], REQUIRED),
        (Annotated[str, Meta(pattern="^a")] | None, None),
        (Annotated[int, Meta(gt=0)], REQUIRED),
        (Annotated[int, Meta(lt=9)], REQUIRED),
        (Annotated[int, Meta(multiple_of=2)], REQUIRED),
        (Annotated[int, Meta(extra={"masked": True})], REQUIRED),
        (Annotated[bool, Meta(extra={"masked": True})] | None, None),
        (Annotated[int, Meta(extra={"code": abs})], REQUIRED),
        (Annotated[str, Meta(extra={"masked": True, "code": count})], REQUIRED),
        (Annotated[str, Meta(extra={"mask": True})], REQUIRED),
        (Annotated[str, Meta(extra={"masked": True, "colour": "red"})], REQUIRED),
        (Annotated[int, Meta(extra={"column": "other"})] | None, None),
    ],
    ids=label,
)
def test_declaration_that_is_not_supported(kind: Any, default: Any) -> None:
    with pytest.raises(TypeError, match=r"^Field new: "):
        read(kind, default)


def test_default_that_is_made_anew_is_not_supported() -> None:
    table = msgspec.defstruct("Table", [("new", str | None, msgspec.field(default_factory=str))])
    with pytest.raises(TypeError, match=r"^Field new: "):
        read_fields(table)


@pytest.mark.parametrize(
    ("field", "text_column", "number_type"),
    [
        (TEXT, "new", None),
        (TEXT._replace(normal=shout), "new", None),
        (TEXT._replace(masked=True), None, None),
        (TEXT._replace(code=count), "new_name", "integer"),
        (INTEGER, None, "integer"),
        (BOOLEAN, None, "boolean"),
    ],
    ids=label,
)
def test_columns_of_a_field(field: Field, text_column: str | None, number_type: str | None) -> None:
    assert (field.text_column, field.number_type) == (text_column, number_type)


def test_extras_of_several_metas_are_all_read() -> None:
    kind = Annotated[Annotated[str, Meta(extra={"masked": True})], Meta(extra={"normal": shout})]
    around = Annotated[Annotated[str, Meta(extra={"masked": True})] | None, Meta(extra={"normal": shout})]
    both = TEXT._replace(masked=True, normal=shout)
    assert read(kind) == both
    assert read(around, None) == read(kind | None, None) == both._replace(required=False)


def test_field_by_another_name_in_json_is_not_supported() -> None:
    named = msgspec.defstruct("Table", [("new", str, msgspec.field(name="old"))])
    renamed = msgspec.defstruct("Table", [("new", str)], rename="upper")
    for table in (named, renamed):
        with pytest.raises(TypeError, match=r"^Field new: "):
            read_fields(table)


def test_fields_keep_the_order_of_the_table() -> None:
    names = ["z", "a", "m"]
    assert list(read_fields(msgspec.defstruct("Table", [(name, str) for name in names]))) == names


def test_normal_form_and_code_are_the_functions_themselves() -> None:
    field = read(Annotated[str, Meta(extra={"normal": shout, "code": count})])
    assert (field.normal, field.code) == (shout, count)
