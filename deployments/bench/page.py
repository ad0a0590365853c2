"""Write tables for people, and put them where a page has marks for them."""

from collections.abc import Iterable, Sequence
from pathlib import Path


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def marks(name: str) -> tuple[str, str]:
    """Return the two comments between which a page keeps what the benchmark of that name wrote."""
    return f"<!-- {name}:begin -->", f"<!-- {name}:end -->"


def write_between_marks(page: Path, name: str, text: str) -> None:
    """Replace what stands between the marks of a page, and of the page in Korean beside it where that has them, too.

    Raises ValueError when the page has none.
    """
    written = _between(page, name, text)
    if written is None:
        begin, end = marks(name)
        msg = f"could not write into {page}: found no {begin} … {end}"
        raise ValueError(msg)
    page.write_text(written, encoding="utf-8")
    korean = page.with_suffix(".ko.md")
    if korean.exists() and (beside := _between(korean, name, text)) is not None:
        korean.write_text(beside, encoding="utf-8")


def _between(page: Path, name: str, text: str) -> str | None:
    """Return the page with the text between its marks, or None where it has none."""
    begin, end = marks(name)
    before, found_begin, rest = page.read_text(encoding="utf-8").partition(begin)
    _, found_end, after = rest.partition(end)
    return f"{before}{begin}\n{text}\n{end}{after}" if found_begin and found_end else None
