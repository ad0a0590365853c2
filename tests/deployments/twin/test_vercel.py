"""The stand-in for Vercel answers as Vercel does, refuses what Vercel refuses, and serves what was deployed."""

import hashlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deployments.twin.vercel import VercelStandIn

PATIENCE_S = 10.0

VERCEL_JSON = b"""{
  "headers": [
    {"source": "/(.*)", "headers": [{"key": "X-Content-Type-Options", "value": "nosniff"}]},
    {"source": "/assets/(.*)", "headers": [
      {"key": "Cache-Control", "value": "public, max-age=31536000, immutable"}
    ]}
  ]
}"""

FILES = {
    "index.html": b"<title>GreenFlow 1.1.0</title>",
    "assets/index-abc.js": b"console.log('0123abcd')",
    "vercel.json": VERCEL_JSON,
}


def sha(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def listed(files: dict[str, bytes]) -> list[dict[str, Any]]:
    return [{"file": path, "sha": sha(data), "size": len(data)} for path, data in files.items()]


class Client:
    """A release's way of talking to Vercel."""

    def __init__(self, vercel: VercelStandIn, http: httpx.Client) -> None:
        self.vercel = vercel
        self.http = http
        self.project = f"/projects/{vercel.project_id}"

    def upload(self, files: dict[str, bytes] = FILES) -> None:
        for content in files.values():
            headers = {"x-vercel-digest": sha(content)}
            assert self.http.post("/v2/files", content=content, headers=headers).status_code == 200

    def create(self, **fields: Any) -> httpx.Response:
        body = {"name": "greenflow", "target": "production", "files": listed(FILES), **fields}
        return self.http.post("/v13/deployments", params={"skipAutoDetectionConfirmation": "1"}, json=body)

    def deploy(self, **fields: Any) -> dict[str, Any]:
        self.upload()
        created = self.create(**fields)
        assert created.status_code == 200, created.text
        return self.until(created.json()["id"], "READY")

    def get(self, deployment: str) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"/v13/deployments/{deployment}").json()
        return found

    def until(self, deployment: str, state: str) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE_S
        while (shown := self.get(deployment))["readyState"] != state:
            assert time.monotonic() < deadline
            threading.Event().wait(0.01)
        return shown

    def until_current(self, deployment: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while self.shown_project()["targets"]["production"]["id"] != deployment:
            assert time.monotonic() < deadline
            threading.Event().wait(0.01)

    def shown_project(self) -> dict[str, Any]:
        shown: dict[str, Any] = self.http.get(f"/v9{self.project}").json()
        return shown


@pytest.fixture
def vercel(tmp_path: Path) -> Iterator[VercelStandIn]:
    dist = tmp_path / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text("<title>GreenFlow 1.0.0</title>")
    (tmp_path / "vercel.json").write_bytes(VERCEL_JSON)
    with VercelStandIn(build_s=0.1, alias_s=0.05) as started:
        started.publish(dist, {"version": "1.0.0"})
        yield started


@pytest.fixture
def client(vercel: VercelStandIn) -> Iterator[Client]:
    headers = {"authorization": f"Bearer {vercel.token}"}
    params = {"teamId": vercel.team_id}
    with httpx.Client(base_url=vercel.url, headers=headers, params=params) as http:
        yield Client(vercel, http)


BROWSER = httpx.Client()


def page(url: str) -> str:
    return BROWSER.get(url).text


class TestProductionBeforeARelease:
    def test_the_published_version_is_served_and_is_the_projects_production_target(self, client: Client) -> None:
        assert "1.0.0" in page(client.vercel.site_url)
        production = client.shown_project()["targets"]["production"]
        assert production["meta"] == {"version": "1.0.0"}
        assert production["readyState"] == "READY"
        assert production["readySubstate"] == "PROMOTED"

    def test_without_any_deployment_the_domain_says_so(self) -> None:
        with VercelStandIn() as empty:
            answer = BROWSER.get(empty.site_url)
        assert answer.status_code == 404
        assert answer.headers["x-vercel-error"] == "DEPLOYMENT_NOT_FOUND"


class TestAuthorisation:
    @pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic {token}", "Bearer", "Bearer é"])
    def test_a_call_without_the_token_is_forbidden(self, vercel: VercelStandIn, header: str | None) -> None:
        value = header and header.format(token=vercel.token).encode()
        headers = [(b"authorization", value)] if value else []
        answer = BROWSER.get(f"{vercel.url}/v2/user", headers=headers)
        assert answer.status_code == 403
        assert answer.json()["error"] == {"code": "forbidden", "message": "Not authorized", "invalidToken": True}

    def test_another_team_is_forbidden_and_another_project_not_found(self, client: Client) -> None:
        assert client.http.get(f"/v9{client.project}", params={"teamId": "team_other"}).status_code == 403
        assert client.http.get("/v9/projects/prj_other").json()["error"]["code"] == "not_found"

    def test_a_path_the_stand_in_does_not_know_is_an_error_and_no_success(self, client: Client) -> None:
        answer = client.http.post("/v99/deployments", json={})
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "not_found"


class TestUploads:
    def test_a_wrong_digest_is_refused(self, client: Client) -> None:
        answer = client.http.post("/v2/files", content=b"data", headers={"x-vercel-digest": sha(b"other")})
        assert answer.status_code == 400
        assert client.http.post("/v2/files", content=b"data").status_code == 400

    def test_a_deployment_of_files_that_were_not_uploaded_lists_them(self, client: Client) -> None:
        client.upload({"index.html": FILES["index.html"]})
        refused = client.create()
        assert refused.status_code == 400
        error = refused.json()["error"]
        assert error["code"] == "missing_files"
        assert error["missing"] == sorted([sha(FILES["assets/index-abc.js"]), sha(VERCEL_JSON)])

    @pytest.mark.parametrize(
        "fields",
        [
            {"name": None},
            {"target": "prod"},
            {"meta": {"release": 7}},
            {"prod": True},
            {"files": [{"file": "index.html"}]},
            {"projectSettings": {"buildCommand": "npm run build"}},
            {"files": [{"file": "vercel.json", "data": '{"rewrites": []}'}]},
            {"files": [{"file": "vercel.json", "data": "{"}]},
        ],
    )
    def test_what_vercel_or_the_stand_in_would_not_take_is_a_bad_request(
        self, client: Client, fields: dict[str, Any]
    ) -> None:
        client.upload()
        refused = client.create(**fields)
        assert refused.status_code == 400
        assert refused.json()["error"]["code"] == "bad_request"
        assert len(client.vercel.deployments) == 1

    def test_another_project_is_not_found(self, client: Client) -> None:
        client.upload()
        assert client.create(project="other").status_code == 404

    def test_an_output_directory_is_what_is_served(self, client: Client) -> None:
        files = {"dist/index.html": b"built", "src/main.ts": b"source", "vercel.json": VERCEL_JSON}
        client.upload(files)
        created = client.create(files=listed(files), projectSettings={"outputDirectory": "dist"}).json()
        url = f"http://{client.until(created['id'], 'READY')['url']}"
        answer = BROWSER.get(url)
        assert answer.text == "built"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert BROWSER.get(f"{url}/src/main.ts").status_code == 404

    def test_a_file_may_be_inlined(self, client: Client) -> None:
        created = client.create(files=[{"file": "index.html", "data": "aGFsbG8=", "encoding": "base64"}]).json()
        assert page(f"http://{client.until(created['id'], 'READY')['url']}") == "hallo"


class TestDeployments:
    def test_one_goes_from_queued_over_building_to_ready(self) -> None:
        now = [1000.0]
        with VercelStandIn(build_s=1.0) as vercel:
            vercel.project.clock = lambda: now[0]
            with httpx.Client(base_url=vercel.url, headers={"authorization": f"Bearer {vercel.token}"}) as http:
                body = {"name": "greenflow", "files": [{"file": "index.html", "data": "x"}]}
                made = http.post("/v13/deployments", json=body).json()
                seen = [made["readyState"]]
                for now[0] in (1000.5, 1001.0):
                    seen.append(http.get(f"/v13/deployments/{made['id']}").json()["readyState"])
        assert seen == ["QUEUED", "BUILDING", "READY"]

    def test_it_answers_at_its_own_address_only_once_it_is_ready(self, vercel: VercelStandIn) -> None:
        vercel.project.tempo = type(vercel.project.tempo)(build_s=0.4)
        with httpx.Client(base_url=vercel.url, headers={"authorization": f"Bearer {vercel.token}"}) as http:
            client = Client(vercel, http)
            client.upload()
            made = client.create().json()
            assert BROWSER.get(f"http://{made['url']}").status_code == 404
            client.until(made["id"], "READY")
            assert "1.1.0" in page(f"http://{made['url']}")

    def test_it_is_found_by_id_by_host_and_by_its_meta(self, client: Client) -> None:
        made = client.deploy(meta={"release": "r-7", "commit": "0123abcd"}, autoAssignCustomDomains=False)
        assert client.get(made["url"])["id"] == made["id"]
        query = {"projectId": client.vercel.project_id, "target": "production", "meta-release": "r-7"}
        for version in ("v6", "v7"):
            found = client.http.get(f"/{version}/deployments", params=query).json()["deployments"]
            assert [one["uid"] for one in found] == [made["id"]]
            assert found[0]["state"] == "READY"
        nothing = client.http.get("/v6/deployments", params={"meta-release": "r-8"}).json()
        assert nothing == {"deployments": [], "pagination": {"count": 0, "next": None, "prev": None}}

    def test_an_unknown_one_is_not_found(self, client: Client) -> None:
        answer = client.http.get("/v13/deployments/dpl_unknown")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


class TestTheDomain:
    def test_by_default_a_production_deployment_takes_it(self, client: Client) -> None:
        made = client.deploy()
        client.until_current(made["id"])
        assert "1.1.0" in page(client.vercel.site_url)

    def test_a_preview_never_takes_it(self, client: Client) -> None:
        made = client.deploy(target=None)
        assert made["target"] is None
        assert "1.0.0" in page(client.vercel.site_url)

    @pytest.mark.parametrize("how", ["the deployment", "the project"])
    def test_without_auto_assignment_it_stays_where_it_is_until_promoted(self, client: Client, how: str) -> None:
        fields = {"autoAssignCustomDomains": False}
        if how == "the project":
            assert client.http.patch(f"/v9{client.project}", json=fields).status_code == 200
            fields = {}
        made = client.deploy(**fields)
        assert (made["readySubstate"], made["alias"], made["aliasAssigned"]) == ("STAGED", [], True)
        assert "1.0.0" in page(client.vercel.site_url)
        promoted = client.http.post(f"/v10{client.project}/promote/{made['id']}", json={})
        assert promoted.status_code == 202
        assert client.shown_project()["lastAliasRequest"]["jobStatus"] in {"in-progress", "succeeded"}
        client.until_current(made["id"])
        assert "1.1.0" in page(client.vercel.site_url)
        assert client.shown_project()["lastAliasRequest"]["jobStatus"] == "succeeded"
        assert client.get(made["id"])["readySubstate"] == "PROMOTED"

    def test_promoting_takes_its_time_although_the_answer_came_at_once(self, client: Client) -> None:
        client.vercel.project.tempo = type(client.vercel.project.tempo)(build_s=0.0, alias_s=60.0)
        made = client.deploy(autoAssignCustomDomains=False)
        assert client.http.post(f"/v10{client.project}/promote/{made['id']}", json={}).status_code == 202
        assert "1.0.0" in page(client.vercel.site_url)

    def test_promoting_what_is_current_is_a_conflict(self, client: Client) -> None:
        current = client.vercel.current
        assert current is not None
        answer = client.http.post(f"/v10{client.project}/promote/{current.id}", json={})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")

    def test_a_preview_or_an_unready_deployment_cannot_be_promoted(self, client: Client) -> None:
        preview = client.deploy(target=None)
        assert client.http.post(f"/v10{client.project}/promote/{preview['id']}", json={}).status_code == 400
        client.vercel.project.tempo = type(client.vercel.project.tempo)(build_s=60.0)
        building = client.create(autoAssignCustomDomains=False).json()
        assert client.http.post(f"/v10{client.project}/promote/{building['id']}", json={}).status_code == 400

    @pytest.mark.parametrize("version", ["v1", "v9"])
    def test_rolling_back_gives_it_back_and_keeps_it_until_the_next_promotion(
        self, client: Client, version: str
    ) -> None:
        before = client.vercel.current
        assert before is not None
        client.until_current(client.deploy()["id"])
        answer = client.http.post(f"/{version}{client.project}/rollback/{before.id}", json={})
        assert answer.status_code == 201
        client.until_current(before.id)
        assert "1.0.0" in page(client.vercel.site_url)
        assert client.shown_project()["lastRollbackTarget"]["toDeploymentId"] == before.id
        assert not client.shown_project()["autoAssignCustomDomains"]
        later = client.deploy()
        assert client.shown_project()["targets"]["production"]["id"] == before.id
        client.http.post(f"/v10{client.project}/promote/{later['id']}", json={})
        client.until_current(later["id"])
        assert client.shown_project()["autoAssignCustomDomains"]

    def test_rolling_back_to_what_never_was_in_production_is_refused(self, client: Client) -> None:
        made = client.deploy(autoAssignCustomDomains=False)
        assert client.http.post(f"/v9{client.project}/rollback/{made['id']}", json={}).status_code == 422

    def test_it_is_listed_as_verified(self, client: Client) -> None:
        (domain,) = client.http.get(f"/v9{client.project}/domains").json()["domains"]
        assert (f"http://{domain['name']}", domain["verified"]) == (client.vercel.site_url, True)
        one = client.http.get(f"/v9{client.project}/domains/{domain['name']}").json()
        assert one == domain
        assert client.http.get(f"/v9{client.project}/domains/other.dev").status_code == 404


class TestVariables:
    BASE = {"key": "VITE_ENV", "value": "production", "type": "plain", "target": ["production"]}  # noqa: RUF012 never changed

    def put(self, client: Client, body: Any, **query: str) -> httpx.Response:
        return client.http.post(f"/v10{client.project}/env", json=body, params=query)

    def test_one_can_be_made_once_and_then_only_by_upsert(self, client: Client) -> None:
        first = self.put(client, self.BASE)
        assert first.status_code == 201
        assert self.put(client, self.BASE).json()["error"]["code"] == "ENV_CONFLICT"
        second = self.put(client, {**self.BASE, "value": "staging"}, upsert="true")
        assert second.json()["created"]["id"] == first.json()["created"]["id"]
        (only,) = client.http.get(f"/v9{client.project}/env").json()["envs"]
        assert only["value"] == "staging"

    def test_several_can_be_made_at_once(self, client: Client) -> None:
        several = self.put(client, [self.BASE, {**self.BASE, "key": "VITE_LOG_LEVEL"}], upsert="true").json()
        assert [one["key"] for one in several["created"]] == ["VITE_ENV", "VITE_LOG_LEVEL"]
        assert several["failed"] == []

    def test_what_is_not_plain_is_not_shown(self, client: Client) -> None:
        self.put(client, {**self.BASE, "type": "encrypted"})
        self.put(client, {**self.BASE, "key": "TOKEN", "type": "sensitive"})
        hidden = client.http.get(f"/v10{client.project}/env").json()["envs"]
        assert [one["value"] for one in hidden] == ["", ""]
        asked = client.http.get(f"/v10{client.project}/env", params={"decrypt": "true"}).json()["envs"]
        assert [one["value"] for one in asked] == ["production", ""]

    def test_one_can_be_changed_by_its_id(self, client: Client) -> None:
        made = self.put(client, self.BASE).json()["created"]
        changed = client.http.patch(f"/v9{client.project}/env/{made['id']}", json={"value": "new"}).json()
        assert (changed["key"], changed["value"]) == ("VITE_ENV", "new")
        assert client.http.patch(f"/v9{client.project}/env/env_none", json={}).status_code == 404

    @pytest.mark.parametrize("wrong", [{"key": None}, {"target": ["prod"]}, {"type": "secret"}, {"target": []}])
    def test_a_wrong_one_is_refused(self, client: Client, wrong: dict[str, Any]) -> None:
        body = {name: value for name, value in {**self.BASE, **wrong}.items() if value is not None}
        assert self.put(client, body).status_code == 400


def test_what_was_asked_is_kept_in_order(client: Client) -> None:
    client.deploy(meta={"release": "r-1"})
    asked = [(call.method, call.path, call.status) for call in client.vercel.calls[:4]]
    assert asked == [("POST", "/v2/files", 200)] * 3 + [("POST", "/v13/deployments", 200)]
    assert client.vercel.calls[3].body["meta"] == {"release": "r-1"}
    assert client.vercel.calls[3].query["teamId"] == client.vercel.team_id
    assert client.vercel.calls[0].body is None


def test_after_the_end_nothing_answers(tmp_path: Path) -> None:
    with VercelStandIn() as vercel:
        (tmp_path / "index.html").write_text("x")
        deployment = vercel.publish(tmp_path, {})
    for url in (vercel.url, vercel.site_url, f"http://{deployment.address}"):
        with pytest.raises(httpx.ConnectError):
            BROWSER.get(url)
