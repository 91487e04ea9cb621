"""Converts Vega-Lite specifications to SVG for a page, without scripts and URLs."""

import re
from html import escape

import vl_convert

from ops.page.charts import Spec

OPENING = re.compile(r"<svg [^>]*?(width=\"[^\"]*\") (height=\"[^\"]*\") (viewBox=\"[^\"]*\")>")
MARK = re.compile(r"<path aria-label=\"([^\"]*)\"([^>]*)/>")


def draw(spec: Spec, title: str, kind: str) -> str:
    """Returns the plot as an SVG element of the class `kind`; each mark has a tooltip with its figures."""
    drawn = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    drawn = OPENING.sub(rf'<svg class="{kind}" role="img" aria-label="{escape(title)}" \3>', drawn, count=1)
    return MARK.sub(r"<path\2><title>\1</title></path>", drawn)
