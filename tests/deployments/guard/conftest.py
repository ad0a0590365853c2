"""A production of their own for the guard's tests, with a Slack that listens."""

from collections.abc import Callable, Iterator

import pytest

from deployments.twin.slack import SlackStandIn
from tests.deployments.guard.scene import TOKEN, Scene
from tests.tasks.conftest import new_production, seeded_aws  # noqa: F401 - fixtures are found by their names
from tests.tasks.production import Production


@pytest.fixture
def new_scene(
    new_production: Callable[..., Production],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., Scene]]:
    """Make a scene; overrides as ``SECTION__KEY=value``."""
    with SlackStandIn() as slack:
        monkeypatch.setenv(TOKEN, slack.token)

        def make(**overrides: str) -> Scene:
            given = {
                "SLACK__API_URL": slack.url,
                "SLACK__TOKEN": f"env:{TOKEN}",
                "SLACK__CHANNEL": slack.channel,
                "GUARD__WATCH_S": "600",
                **overrides,
            }
            return Scene(new_production(**given), slack)

        yield make


@pytest.fixture
def scene(new_scene: Callable[..., Scene]) -> Scene:
    return new_scene()
