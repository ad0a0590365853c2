"""The stand-in API keeps what users tell it, on real stores, in two versions over two schemas, with its faults."""

import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import pytest
import redis

from deployments.twin.api_faults import TROUBLE_HAD_KEY, TROUBLE_KEY, own_percent
from deployments.twin.load_balancer_bench import BenchControl
from tests.deployments.twin.data_plane import (
    EXPAND_1_1,
    REVERT_1_1,
    ApiProcess,
    Stores,
    group,
    rule,
    wait_until,
)

pytest_plugins = ("tests.deployments.twin.data_plane_fixtures",)

PASSWORD = "TestPassword123!"
BID = {"origin": "Seoul", "destination": "Busan", "cargoWeight": 10}
PROBE = {"x-greenflow-probe": "1"}


def is_up(api: ApiProcess) -> bool:
    try:
        return httpx.get(f"{api.url}/health").is_success
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def old(stores: Stores) -> Iterator[httpx.Client]:
    with stores.api("1.0.0") as api, httpx.Client(base_url=api.url) as client:
        wait_until(lambda: is_up(api))
        yield client


@pytest.fixture(scope="module")
def new(stores: Stores) -> Iterator[httpx.Client]:
    with stores.api("1.1.0") as api, httpx.Client(base_url=api.url) as client:
        wait_until(lambda: is_up(api))
        yield client


@pytest.fixture
def expanded(stores: Stores) -> Iterator[None]:
    """The schema as the migration of 1.1.0 leaves it."""
    stores.sql(EXPAND_1_1)
    yield
    stores.sql(REVERT_1_1)


def sign_in(api: httpx.Client, tenant: str = "t", **headers: str) -> dict[str, str]:
    email = f"{uuid4().hex}@{tenant}.test.greenflow.dev"
    newcomer = {"email": email, "password": PASSWORD, "role": "SHIPPER"}
    assert api.post("/auth/register", json=newcomer, headers=headers).status_code == 201
    answer = api.post("/auth/login", json={"email": email, "password": PASSWORD}, headers=headers)
    assert answer.status_code == 200
    return {"authorization": f"Bearer {answer.json()['token']}", **headers}


def test_a_user_registers_logs_in_bids_and_reads_the_bid_back(old: httpx.Client) -> None:
    me = sign_in(old)
    placed = old.post("/order/bid", json=BID, headers=me)
    kept = placed.json()
    assert (placed.status_code, {name: kept[name] for name in BID}) == (201, BID)
    assert old.get(f"/order/bid/{kept['id']}", headers=me).json() == kept
    assert old.get("/order/bids", headers=me).json() == {"bids": [kept]}


def test_every_answer_names_the_version(old: httpx.Client, new: httpx.Client) -> None:
    for api, version in ((old, "1.0.0"), (new, "1.1.0")):
        for path in ("/health", "/order/bids", "/nowhere"):
            assert api.get(path).headers["x-app-version"] == version


def test_health_names_version_revision_and_both_stores(old: httpx.Client) -> None:
    assert old.get("/health").json() == {
        "status": "ok",
        "version": "1.0.0",
        "revision": "c0ffee",
        "database": {"status": "ok"},
        "redis": {"status": "ok"},
    }


def test_nobody_reads_another_users_bid(old: httpx.Client) -> None:
    kept = old.post("/order/bid", json=BID, headers=sign_in(old)).json()
    stranger = sign_in(old)
    assert old.get(f"/order/bid/{kept['id']}", headers=stranger).status_code == 404
    assert old.get("/order/bids", headers=stranger).json() == {"bids": []}


@pytest.mark.parametrize("header", [{}, {"authorization": "Bearer guessed"}, {"authorization": "Basic x"}])
def test_without_a_valid_token_there_are_no_bids(old: httpx.Client, header: dict[str, str]) -> None:
    assert old.get("/order/bids", headers=header).status_code == 401
    assert old.post("/order/bid", json=BID, headers=header).status_code == 401


def test_an_email_registers_once_and_a_wrong_password_opens_nothing(old: httpx.Client) -> None:
    newcomer = {"email": f"{uuid4().hex}@x.dev", "password": PASSWORD, "role": "CARRIER"}
    assert [old.post("/auth/register", json=newcomer).status_code for _ in range(2)] == [201, 409]
    assert old.post("/auth/login", json={**newcomer, "password": "another one"}).status_code == 401


@pytest.mark.parametrize("change", [{"cargoWeight": 0}, {"cargoWeight": "heavy"}, {"origin": ""}, {"origin": None}])
def test_a_bid_that_makes_no_sense_is_refused_with_its_reason(old: httpx.Client, change: dict[str, object]) -> None:
    answer = old.post("/order/bid", json=BID | change, headers=sign_in(old))
    assert answer.status_code == 422
    assert next(iter(change)) in answer.json()["detail"]


def test_no_password_and_no_token_is_kept_as_it_is(old: httpx.Client, stores: Stores) -> None:
    token = sign_in(old)["authorization"].removeprefix("Bearer ")
    with redis.Redis.from_url(stores.valkey.url, decode_responses=True) as valkey:
        sessions = list(valkey.scan_iter("greenflow:session:*"))
        assert sessions
        assert not any(token in key for key in sessions)
        assert all(0 < int(str(valkey.ttl(key))) <= 3600 for key in sessions)


def test_both_versions_work_on_the_schema_before_the_migration(old: httpx.Client, new: httpx.Client) -> None:
    for api in (old, new):
        me = sign_in(api)
        kept = api.post("/order/bid", json=BID, headers=me).json()
        assert api.get(f"/order/bid/{kept['id']}", headers=me).json() == kept


@pytest.mark.usefixtures("expanded")
def test_after_the_migration_the_new_version_keeps_the_currency_and_the_old_one_still_works(
    old: httpx.Client, new: httpx.Client
) -> None:
    me = sign_in(old)
    by_old = old.post("/order/bid", json=BID, headers=me).json()
    by_new = new.post("/order/bid", json={**BID, "currency": "USD"}, headers=me).json()
    assert by_new["currency"] == "USD"
    assert new.post("/order/bid", json=BID, headers=me).json()["currency"] == "KRW"
    assert new.get(f"/order/bid/{by_old['id']}", headers=me).json() == {**by_old, "currency": None}
    assert old.get(f"/order/bid/{by_new['id']}", headers=me).json() == {**BID, "id": by_new["id"]}


def test_a_migration_and_its_way_back_need_no_restart(new: httpx.Client, stores: Stores) -> None:
    me = sign_in(new)
    currencies = []
    for statement in (REVERT_1_1, EXPAND_1_1, REVERT_1_1):
        stores.sql(statement)
        answers = [new.post("/order/bid", json=BID, headers=me) for _ in range(8)]
        assert {answer.status_code for answer in answers} == {201}
        currencies.append({answer.json()["currency"] for answer in answers})
    assert currencies == [{None}, {"KRW"}, {None}]


def test_cleaning_a_tenant_removes_its_users_and_bids_and_nobody_elses(old: httpx.Client) -> None:
    mine, other, lookalike = (sign_in(old, tenant) for tenant in ("mine", "other", "not-mine"))
    for me in (mine, mine, other, lookalike):
        old.post("/order/bid", json=BID, headers=me)
    assert old.delete("/test-tenant/mine", headers=mine).json() == {"users": 1, "bids": 2}
    assert old.post("/order/bid", json=BID, headers=mine).status_code == 401
    assert [len(old.get("/order/bids", headers=me).json()["bids"]) for me in (other, lookalike)] == [1, 1]


@pytest.mark.parametrize("tenant", ["%25", "a.b", "a%27b", "-"])
def test_a_tenants_name_is_a_name(old: httpx.Client, tenant: str) -> None:
    assert old.delete(f"/test-tenant/{tenant}", headers=sign_in(old)).status_code == 422


def test_probes_are_no_business(old: httpx.Client) -> None:
    before = old.get("/business").json()
    for headers in (sign_in(old), sign_in(old, **PROBE)):
        assert old.post("/order/bid", json=BID, headers=headers).status_code == 201
    after = old.get("/business").json()
    assert {name: after[name] - before[name] for name in after} == {"registrations": 1, "bids": 1}


def test_health_tells_which_store_is_down_and_recovers(stores: Stores, old: httpx.Client) -> None:
    stores.valkey.child.kill()
    ill = old.get("/health")
    assert (ill.status_code, ill.json()["redis"], ill.json()["database"]) == (503, {"status": "down"}, {"status": "ok"})
    assert old.get("/order/bids", headers={"authorization": "Bearer x"}).status_code == 503
    stores.valkey.start()
    wait_until(lambda: old.get("/health").status_code == 200)


def test_on_sigterm_it_finishes_what_is_under_way_and_ends_well(stores: Stores) -> None:
    with stores.api("1.0.0", "slow-x10") as api, ThreadPoolExecutor(1) as pool:
        wait_until(lambda: is_up(api))
        answer = pool.submit(httpx.get, f"{api.url}/nowhere")
        threading.Event().wait(0.15)
        api.child.terminate()
        assert answer.result(timeout=5).status_code == 404
        assert api.child.wait(timeout=5) == 0
        assert api.child.log_tail() == ""


def test_it_answers_within_two_seconds_of_its_start(stores: Stores) -> None:
    started = time.monotonic()
    with stores.api("1.0.0") as api:
        wait_until(lambda: is_up(api), within_s=5)
        assert time.monotonic() - started < 2


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_request_costs_less_than_three_milliseconds_of_processor_time(stores: Stores) -> None:
    from deployments.twin.load_balancer_bench import cpu_s  # noqa: PLC0415

    with stores.api("1.0.0") as api, httpx.Client(base_url=api.url) as client:
        wait_until(lambda: is_up(api))
        me = sign_in(client)
        before_s = cpu_s(api.child.pid)
        for _ in range(200):
            client.post("/order/bid", json=BID, headers=me)
        assert (cpu_s(api.child.pid) - before_s) / 200 < 0.003


def statuses(client: httpx.Client, count: int, **headers: str) -> Counter[int]:
    return Counter(client.get("/order/bids", headers=headers).status_code for _ in range(count))


def test_a_fault_sleeps_until_the_first_user_then_hits_probes_too_and_never_the_health_check(stores: Stores) -> None:
    with stores.api("1.1.0", "errors-30") as api, httpx.Client(base_url=api.url) as client:
        wait_until(lambda: is_up(api))
        assert statuses(client, 60, **{"x-greenflow-side": "b"}) == {401: 60}
        assert statuses(client, 60, **PROBE) == {401: 60}
        assert statuses(client, 100) == {401: 70, 500: 30}
        assert statuses(client, 100, **PROBE, **{"x-greenflow-side": "b"}) == {401: 70, 500: 30}
        assert {client.get("/health").status_code for _ in range(50)} == {200}


def test_slow_x10_is_slow_for_users(stores: Stores) -> None:
    with stores.api("1.1.0", "slow-x10") as api, httpx.Client(base_url=api.url) as client:
        wait_until(lambda: is_up(api))
        assert client.get("/order/bids").elapsed.total_seconds() > 0.3
        assert client.get("/health").elapsed.total_seconds() < 0.3


def test_crash_on_start_never_listens(stores: Stores) -> None:
    with stores.api("1.1.0", "crash-on-start") as api:
        assert api.child.wait(timeout=5) == 1
        assert "could not start 1.1.0" in api.child.log_tail()


def test_an_unknown_fault_does_not_start_as_a_sound_version(stores: Stores) -> None:
    with stores.api("1.1.0", "errors-31") as api:
        assert api.child.wait(timeout=5) != 0


def test_dies_at_50_lives_below_half_of_the_traffic(stores: Stores) -> None:
    control = BenchControl(hold_s=0.1)
    with control.listening() as url, stores.api("1.1.0", "dies-at-50", url) as api:
        wait_until(lambda: is_up(api))
        members = group("b", (api.address, api.port, "healthy"))
        for weight in (0, 10, 49):
            control.set_routes([rule(1, side="b", b=1), rule(a=100 - weight, b=weight)], members)
            threading.Event().wait(0.4)
            assert api.child.poll() is None
        control.set_routes([rule(a=50, b=50)], members)
        assert api.child.wait(timeout=3) == 70


def test_a_weight_is_read_from_the_first_rule_that_splits_users() -> None:
    routes = {
        "groups": group("b", ("127.1.1.1", 30, "healthy")),
        "rules": [rule(1, side="b", b=1), rule(5, a=3, b=1), rule(b=1)],
    }
    assert own_percent(routes, "127.1.1.1", 30) == 25
    assert own_percent(routes, "127.1.1.1", 31) == 0


def test_an_outage_befalls_the_old_version_as_well_once_and_ends(stores: Stores, old: httpx.Client) -> None:
    with redis.Redis.from_url(stores.valkey.url) as valkey:
        valkey.delete(TROUBLE_KEY, TROUBLE_HAD_KEY)
        with stores.api("1.1.0", "outage-of-both") as api, httpx.Client(base_url=api.url) as new:
            wait_until(lambda: is_up(api))
            assert statuses(old, 30) == {401: 30}
            assert statuses(new, 20) == {401: 20}
            wait_until(lambda: valkey.get(TROUBLE_KEY) == b"outage")
            threading.Event().wait(0.3)
            assert [statuses(each, 100)[500] for each in (old, new)] == [30, 30]
            wait_until(lambda: valkey.get(TROUBLE_KEY) is None)
            threading.Event().wait(0.3)
            assert [statuses(each, 50) for each in (old, new)] == [{401: 50}] * 2
        valkey.delete(TROUBLE_HAD_KEY)
