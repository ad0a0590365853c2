"""Write a release's report where people keep it."""

import html
from pathlib import Path

from flows.core.report import ReleaseReport, markdown

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}}
pre{{white-space:pre-wrap;overflow-wrap:anywhere}}</style></head>
<body><pre>{text}</pre></body></html>
"""


def write_report(report: ReleaseReport, folder: Path) -> Path:
    """Write the report as markdown and as a page that needs nothing else; returns the page."""
    folder.mkdir(parents=True, exist_ok=True)
    text = markdown(report)
    name = report.release_id or "release"
    (folder / f"{name}.md").write_text(text, encoding="utf-8")
    page = folder / f"{name}.html"
    page.write_text(PAGE.format(title=html.escape(report.verdict), text=html.escape(text)), encoding="utf-8")
    return page
