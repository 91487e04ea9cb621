"""`python -m docs_tools` writes the generated parts of the documentation anew."""

import shutil

from docs_tools.blocks import FIGURES, PAGES, renew


def main() -> None:
    """Writes each page whose generated parts have changed and names it, and copies the benchmarks' figures."""
    for path in sorted(PAGES.glob("**/*.md")):
        page = path.read_text(encoding="utf-8")
        renewed = renew(page)
        if renewed != page:
            path.write_text(renewed, encoding="utf-8")
            print(path.relative_to(PAGES.parent))
    for figure, copy in FIGURES.items():
        shutil.copyfile(figure, copy)


if __name__ == "__main__":
    main()
