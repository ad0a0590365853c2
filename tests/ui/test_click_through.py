"""A release clicked through in a browser by somebody who has never seen it: Run, two questions, the end, the report.

With SCREENSHOTS set to a folder the same clicks make the README's pictures (`make screenshots`).
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.rehearsal.conftest import QUICK
from tests.rehearsal.served import Served, serving
from tests.ui.browser import NO_BROWSER, Camera, browsing, input_of, machines_browser

pytestmark = [
    pytest.mark.ui,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not machines_browser(), reason=NO_BROWSER),
]

SCREENSHOTS = "SCREENSHOTS"
VERSION = "1.1.0"
RUN_MS = 240_000
STAGES = (
    "1.3 back up the database",
    "3.1 prove the image",
    "3.4 shift traffic to 10 %",
    "2.2 and 2.3 give the site the domain",
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("ui"), "--environment", "rehearsal", given=QUICK) as served:
        yield served


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browsing(machines_browser()) as page:
        yield page


@pytest.fixture(scope="module")
def camera() -> Camera:
    folder = os.environ.get(SCREENSHOTS)
    return Camera(Path(folder) if folder else None)


def until_it_is(page: Page, state: str) -> None:
    """Wait until the page of the run shows a state."""
    expect(page.locator(".state-badge", has_text=state).first).to_be_visible(timeout=RUN_MS)


def test_a_release_is_clicked_through_from_the_form_to_its_end(served: Served, page: Page, camera: Camera) -> None:
    fill_in_the_form(served, page, camera)
    page.goto(f"{served.ui}/runs/flow-run/{newest_run(served)}")
    for weight in (10, 50):
        until_it_is(page, "Paused")
        if weight == 10:
            look_at_the_question(page)
        approve_in_slack(served, page, camera, f"from {weight} %")
        until_it_is(page, "Running")
    until_it_is(page, "Completed")


def fill_in_the_form(served: Served, page: Page, camera: Camera) -> None:
    found = re.search(r"^1\. release \S+: (\S+)", served.said, re.MULTILINE)
    assert found
    page.goto(found[1])
    input_of(page, "Version").fill(VERSION)
    input_of(page, "Asked for by").fill("a newcomer")
    camera.shoot(page, "form")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("scheduled").first).to_be_visible()


def newest_run(served: Served) -> str:
    asked = {"flows": {"name": {"any_": ["release"]}}, "sort": "EXPECTED_START_TIME_DESC", "limit": 1}
    (run,) = served.until("the run", lambda: served.api("POST", "/flow_runs/filter", json=asked))
    return str(run["id"])


def look_at_the_question(page: Page) -> None:
    """See that Resume asks for a decision and its reason, and leave it."""
    page.get_by_role("button", name="Resume").click()
    modal = page.locator(".p-modal", has_text="Resume Flow Run")
    expect(modal.get_by_text("approve: go on to the next weight")).to_be_visible()
    expect(modal.get_by_text("One sentence for the report")).to_be_visible()
    page.reload()


def approve_in_slack(served: Served, page: Page, camera: Camera, asked: str) -> None:
    """Press the button on the page of the Slack stand-in, in a tab of its own."""
    slack = page.context.new_page()
    slack.on("dialog", lambda dialog: dialog.accept())
    slack.goto(served.address("Slack"))
    question = slack.locator("article", has_text=f"move traffic {asked}")
    expect(question.get_by_role("button", name="Approve")).to_be_visible()
    camera.shoot(slack, "slack")
    question.get_by_role("button", name="Approve").click()
    expect(slack.get_by_role("button", name="Approve")).to_have_count(0)
    slack.close()


def test_the_runs_graph_has_the_stages_by_name(served: Served, page: Page, camera: Camera) -> None:
    run = newest_run(served)
    page.goto(f"{served.ui}/runs/flow-run/{run}")
    expect(page.locator("canvas").first).to_be_visible()
    page.get_by_title("Toggle fullscreen (f)").click()
    page.get_by_label("Run Graph Options").click()
    for clutter in ("dependency arrows", "events", "artifacts"):
        page.get_by_text(f"Hide {clutter}").click()
    page.keyboard.press("Escape")
    page.get_by_title("Recenter graph (c)").click()
    camera.shoot(page, "run")
    page.reload()
    graph = served.api("GET", f"/flow_runs/{run}/graph-v2")
    labels = [node["label"] for _, node in graph["nodes"]]
    assert [stage for stage in STAGES if not any(label.startswith(stage) for label in labels)] == []
    page.get_by_text("Task Runs", exact=True).click()
    expect(page.get_by_text("1.3 back up the database").first).to_be_visible()


@pytest.mark.parametrize(
    ("key", "shows"),
    [
        ("rollout", ["Progress: 100%"]),
        ("gate-checklist", ["image on staging", "expected"]),
        ("canary-10", ["1.1.0 (new)", "1.0.0 (old)"]),
        ("report", ["shipped: 1.1.0 carries 100 %", "What to do next"]),
    ],
)
def test_the_artifact_renders(served: Served, page: Page, key: str, shows: list[str]) -> None:
    asked = {"artifacts": {"key": {"any_": [key]}}, "sort": "UPDATED_DESC", "limit": 1}
    (artifact,) = served.api("POST", "/artifacts/filter", json=asked)
    page.goto(f"{served.ui}/artifacts/artifact/{artifact['id']}")
    for text in shows:
        expect(page.get_by_text(text).first).to_be_visible()
