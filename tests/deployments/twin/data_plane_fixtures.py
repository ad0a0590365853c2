"""The fixtures of the twin's traffic; a plugin of the tests that name it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from deployments.twin.load_balancer_bench import BenchControl
from deployments.twin.postgres import Postgres
from deployments.twin.processes import Processes
from deployments.twin.valkey import Valkey
from tests.deployments.twin.data_plane import (
    SCHEMA_1_0,
    Plane,
    Stores,
    Target,
    groups_of,
    load_balancer,
    rule,
    wait_until,
)


@contextmanager
def _two_targets() -> Iterator[dict[str, Target]]:
    with ExitStack() as stack:
        yield {side: stack.enter_context(Target(side).listening()) for side in ("a", "b")}


@contextmanager
def _plane(processes: Processes, folder: Path, targets: dict[str, Target]) -> Iterator[Plane]:
    """Run a load balancer with all traffic on side a, marked requests on the side they ask for."""
    control = BenchControl()
    rules = [rule(1, side="a", a=1), rule(2, side="b", b=1), rule(a=100, b=0)]
    version = control.set_routes(rules, groups_of(a=targets["a"].port, b=targets["b"].port))
    with control.listening() as url, load_balancer(processes, folder, control, url) as started:
        wait_until(lambda: control.acknowledged == version)
        yield started


@pytest.fixture
def targets() -> Iterator[dict[str, Target]]:
    with _two_targets() as found:
        yield found


@pytest.fixture
def plane(processes: Processes, tmp_path: Path, targets: dict[str, Target]) -> Iterator[Plane]:
    """A load balancer of the test's own."""
    with _plane(processes, tmp_path, targets) as started:
        yield started


@pytest.fixture(scope="module")
def calm() -> Iterator[tuple[Plane, dict[str, Target]]]:
    """A load balancer that several tests share: its routes stay, its counts are nobody's."""
    with Processes() as processes, _two_targets() as found, _plane(processes, processes.folder, found) as started:
        yield started, found


@pytest.fixture
def calm_plane(calm: tuple[Plane, dict[str, Target]]) -> Plane:
    return calm[0]


@pytest.fixture
def calm_target(calm: tuple[Plane, dict[str, Target]]) -> Target:
    """The target of side a, having seen nothing yet."""
    found = calm[1]["a"]
    found.forget()
    return found


@pytest.fixture(scope="module")
def stores() -> Iterator[Stores]:
    with (
        Processes() as processes,
        Postgres(processes, processes.folder) as postgres,
        Valkey(processes, processes.folder) as valkey,
    ):
        found = Stores(postgres, valkey, processes)
        found.sql(SCHEMA_1_0)
        yield found
