"""The code of an app_version keeps the order of versions, and never maps two versions to one code."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lambda_src.normal_forms import app_version_code
from lambda_src.rejects import RecordError
from tests.oracle_values import version_code
from tests.support import make_record
from tests.unit.outcomes import assert_as_expected, outcome, reject_of, row_of

hypothesis_quick = settings(max_examples=150, deadline=None)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("0", 0),
        ("2", 2_000_000),
        ("2.3", 2_003_000),
        ("2.3.0", 2_003_000),
        ("2.3.0-beta.1", 2_003_000),
        ("2.3-beta.9", 2_003_000),
        ("2.3.4.5", 2_003_004),
        ("2.", 2_000_000),
        ("2.x", 2_000_000),
        ("2.3.", 2_003_000),
        ("2 (build 7)", 2_000_000),
        ("0.26", 26_000),
        ("0.2.6", 2_006),
        ("10.999.999", 10_999_999),
        ("2147", 2_147_000_000),
        ("2147.483.647", 2_147_483_647),
        ("007.08.009", 7_008_009),
        ("2.٣", 2_000_000),
        ("0" * 63 + "1", 1_000_000),
    ],
)
def test_code_of_app_version(text: str, code: int) -> None:
    row = row_of(app_version=text)
    assert (row["app_version"], row["app_version_name"]) == (str(code), text)


@pytest.mark.parametrize(
    "text",
    ["", " 2.3", "v2.3", "-1", "+1", ".2", "beta", "٢.٣", "²", "2.1000", "2.3.1000", "2147.483.648", "2148", "9" * 64],
)
def test_app_version_that_is_none(text: str) -> None:
    assert reject_of(app_version=text) == ("invalid_app_version", "app_version")


part = st.integers(min_value=0, max_value=999)
version = st.tuples(st.integers(min_value=0, max_value=2146), part, part)


def spell(parts: tuple[int, int, int], count: int) -> str:
    """The version with `count` parts, those after it being zero."""
    return ".".join(str(part) for part in parts[:count])


@hypothesis_quick
@given(version, version)
def test_codes_sort_as_versions_and_never_meet(one: tuple[int, int, int], other: tuple[int, int, int]) -> None:
    codes = app_version_code(spell(one, 3)), app_version_code(spell(other, 3))
    assert (codes[0] < codes[1]) is (one < other)
    assert (codes[0] == codes[1]) is (one == other)


@hypothesis_quick
@given(version)
def test_parts_left_out_are_zero(parts: tuple[int, int, int]) -> None:
    major, minor, _ = parts
    assert app_version_code(spell(parts, 1)) == app_version_code(f"{major}.0.0")
    assert app_version_code(spell(parts, 2)) == app_version_code(f"{major}.{minor}.0")


@hypothesis_quick
@given(st.one_of(st.text(alphabet="0123456789.-x٣", max_size=16), st.from_regex(r"[0-9]{1,5}(\.[0-9]{1,4}){0,3}.?")))
@example("2147.483.647")
def test_app_version_of_any_text(text: str) -> None:
    try:
        expected = version_code(text)
    except ValueError:
        with pytest.raises(RecordError) as caught:
            app_version_code(text)
        assert caught.value.reason == "invalid_app_version"
    else:
        assert app_version_code(text) == expected


@pytest.mark.parametrize(("tail", "is_valid"), [(62, True), (63, False)])
def test_length_of_app_version(tail: int, *, is_valid: bool) -> None:
    version = "2-" + "\N{GRINNING FACE}" * tail
    assert isinstance(outcome(make_record(app_version=version)), dict) is is_valid
    assert_as_expected(make_record(app_version=version))
