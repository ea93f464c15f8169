"""`python -m tests.source_pages` writes the table of connectors in docs/sources.md from their own words."""

from pathlib import Path

from forecaster import plugins

__all__ = ["PAGE", "page"]

PAGE = Path(__file__).parent.parent / "docs" / "sources.md"
_BEGIN, _END = "<!-- connectors: written by `make pages` -->\n", "<!-- end -->\n"


def page() -> str:
    """The whole page, its table as the connectors say it today."""
    before, _, rest = PAGE.read_text().partition(_BEGIN)
    after = rest.partition(_END)[2]
    rows = [f"| `{name}` | {plugins.summary('connectors', name)} |\n" for name in plugins.names("connectors")]
    return "".join([before, _BEGIN, "| `source` | what it reads |\n|---|---|\n", *rows, _END, after])


if __name__ == "__main__":
    PAGE.write_text(page())
