"""Tables of the page."""

from collections.abc import Mapping, Sequence
from html import escape

PSEUDONYM_SHOWN = 8  # characters: enough to tell the rows of a page apart, too few to look somebody up
# Columns that a phone has no room for.
EXTRA = ("first_day", "ips")
NAMES = {"ips": "addresses"}


def make_table(columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> str:
    """Returns a table; numbers are right-aligned, pseudonyms shortened."""
    if not rows:
        return "<p>None.</p>"
    head = "".join(_cell("th", name, NAMES.get(name, name.replace("_", " ")), rows[0][name]) for name in columns)
    body = "".join(
        f"<tr>{''.join(_cell('td', name, _text(name, row[name]), row[name]) for name in columns)}</tr>\n"
        for row in rows
    )
    return f'<div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>'


def _text(name: str, value: object) -> str:
    if name == "pseudonym":
        return _shorten(str(value))
    return f"{value:,}" if isinstance(value, int) else str(value)


def _shorten(pseudonym: str) -> str:
    return pseudonym if len(pseudonym) <= PSEUDONYM_SHOWN else f"{pseudonym[:PSEUDONYM_SHOWN]}…"


def _cell(tag: str, name: str, text: str, value: object) -> str:
    kinds = [kind for kind, holds in (("n", isinstance(value, int)), ("extra", name in EXTRA)) if holds]
    attribute = f' class="{" ".join(kinds)}"' if kinds else ""
    content = f"<code>{escape(text)}</code>" if tag == "td" and name == "pseudonym" else escape(text)
    return f"<{tag}{attribute}>{content}</{tag}>"
