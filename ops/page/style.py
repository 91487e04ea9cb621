"""The page's style sheet: for a phone, a wide screen, dark mode and paper."""

LIGHT = """--back: #fff; --card: #f6f7f9; --text: #1c1f24; --quiet: #5b6470; --line: #dde1e6; --worse: #b3261e;
--c1: #4269d0; --c2: #e07b00; --c3: #2f9e6e; --c4: #d64550; --c5: #9055c8; --c6: #2b9fc0; --c7: #a06a3f;
--c8: #8b929b;"""
DARK = """--back: #14161a; --card: #1e2127; --text: #e6e8eb; --quiet: #a3abb6; --line: #363b44; --worse: #ff8a80;
--c1: #7f9df0; --c2: #f5a742; --c3: #5cc795; --c4: #ff8087; --c5: #bb8cf0; --c6: #63c6e2; --c7: #c99b70;
--c8: #a3abb6;"""

STYLE = f"""
:root {{ color-scheme: light dark; {LIGHT} }}
@media screen and (prefers-color-scheme: dark) {{ :root {{ {DARK} }} }}
* {{ box-sizing: border-box }}
body {{ font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); max-width: 780px;
  margin: 0 auto; padding: 1.5rem 1rem }}
h1 {{ font-size: 1.6rem; margin: 0 }}
h2 {{ font-size: 1.1rem; margin: 2.2rem 0 .4rem }}
h3 {{ font-size: 1rem; margin: 1.2rem 0 .2rem }}
p {{ margin: .2rem 0 .6rem }}
.quiet, footer {{ color: var(--quiet) }}
.tiles {{ display: grid; grid-template-columns: repeat(3, 1fr); gap: .6rem; margin: 1.2rem 0 }}
.tiles div {{ background: var(--card); border-radius: 8px; padding: .6rem .8rem; break-inside: avoid }}
dt {{ color: var(--quiet) }}
dd {{ margin: 0 }}
dd.figure {{ font-size: 1.5rem; font-weight: 600; line-height: 1.3; font-variant-numeric: tabular-nums }}
dd.worse {{ color: var(--worse) }}
svg {{ display: block; width: 100%; height: auto }}
svg.narrow {{ display: none }}
.scroll {{ overflow-x: auto }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }}
th, td {{ text-align: left; padding: .25rem .5rem; border-bottom: 1px solid var(--line); white-space: nowrap }}
th {{ color: var(--quiet); font-weight: 500 }}
td.n, th.n {{ text-align: right }}
code {{ font: .93em ui-monospace, monospace }}
summary {{ cursor: pointer; padding: .5rem 0; font-weight: 600 }}
details {{ border-top: 1px solid var(--line) }}
footer {{ margin-top: 2.5rem; font-size: .9rem }}
@media (max-width: 600px) {{
  .tiles {{ grid-template-columns: repeat(2, 1fr) }}
  svg.narrow {{ display: block }}
  svg.wide {{ display: none }}
  th, td {{ padding: .25rem .35rem }}
  .extra {{ display: none }}
}}
@media print {{
  body {{ max-width: none; padding: 0; font-size: 11pt }}
  svg.wide {{ display: block }}
  svg.narrow {{ display: none }}
  .tiles {{ grid-template-columns: repeat(3, 1fr) }}
  .extra {{ display: table-cell }}
  .tiles div, svg * {{ print-color-adjust: exact; -webkit-print-color-adjust: exact }}
  section, tr {{ break-inside: avoid }}
  h2, h3, summary {{ break-after: avoid }}
  details::details-content {{ content-visibility: visible; display: block; height: auto }}
}}
"""
