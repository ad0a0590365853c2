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
    """Replace what stands between the marks of a page; raises ValueError when it has none."""
    begin, end = marks(name)
    before, found_begin, rest = page.read_text(encoding="utf-8").partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found_begin and found_end):
        msg = f"could not write into {page}: found no {begin} … {end}"
        raise ValueError(msg)
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")
