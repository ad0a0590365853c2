"""Write a release's report where people keep it."""

from pathlib import Path

from flows.core.report import ReleaseReport
from flows.core.report_markdown import markdown
from flows.core.report_page import page
from tasks.sentences import Language, speaking


def write_report(report: ReleaseReport, folder: Path, language: Language = "en") -> Path:
    """Write the report as markdown and as a page that needs nothing else; returns the page."""
    folder.mkdir(parents=True, exist_ok=True)
    name = report.release_id or "release"
    file = folder / f"{name}.html"
    with speaking(language):
        (folder / f"{name}.md").write_text(markdown(report), encoding="utf-8")
        file.write_text(page(report), encoding="utf-8")
    return file
