"""Files that other processes wait for or poll."""

from pathlib import Path


def write_whole(file: Path, text: str) -> None:
    """Write a file so that a reader finds all of it or none."""
    part = file.with_name(file.name + ".part")
    part.write_text(text)
    part.replace(file)
