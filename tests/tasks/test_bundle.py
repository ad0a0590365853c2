"""What was built is weighed and read as a browser would load it."""

from pathlib import Path

import pytest

from tasks.bundle import check_bundle, read_bundle
from tasks.errors import PermanentError
from tasks.models import Check

COMMIT = "c" * 40
API = "https://api.greenflow.dev/api/v2"


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<title>GreenFlow</title>")
    (folder / "assets" / "index.js").write_text(f"const c='{COMMIT}',a='{API}';")
    return folder


def failed(folder: Path, budget_kb: float = 500) -> list[Check]:
    checks = check_bundle(read_bundle(folder), budget_kb=budget_kb, commit=COMMIT, api_base=API)
    return [check for check in checks if check.outcome == "failed"]


def test_a_good_bundle_passes(dist: Path) -> None:
    assert failed(dist) == []


def test_a_heavy_bundle_is_refused_with_both_numbers(dist: Path) -> None:
    (dist / "assets" / "picture.png").write_bytes(bytes(2_000))
    (check,) = failed(dist, budget_kb=2)
    assert check.found == "2.1 kB"
    assert check.expected == "at most 2 kB"


def test_source_maps_weigh_nothing_and_are_refused(dist: Path) -> None:
    (dist / "assets" / "index.js.map").write_bytes(bytes(900_000))
    (check,) = failed(dist)
    assert (check.name, check.found) == ("source maps in the bundle", "assets/index.js.map")


def test_a_reference_to_a_source_map_is_refused(dist: Path) -> None:
    with (dist / "assets" / "index.js").open("a") as script:
        script.write("\n//# sourceMappingURL=index.js.map")
    (check,) = failed(dist)
    assert check.found == "a reference to one"


def test_a_bundle_of_another_commit_or_api_is_refused(dist: Path) -> None:
    (dist / "assets" / "index.js").write_text("const c='other'")
    assert [check.name for check in failed(dist)] == ["commit in the bundle", "API base in the bundle"]


def test_a_secret_in_the_bundle_is_refused_without_being_shown(dist: Path) -> None:
    with (dist / "assets" / "index.js").open("a") as script:
        script.write("const u='postgres://admin:hidden-word@db/live'")
    (check,) = failed(dist)
    assert check.found == "an address with a password"


def test_a_secret_is_found_whatever_its_file_is_called(dist: Path) -> None:
    (dist / "assets" / "data.bin").write_bytes(b"\xff\xfe" + b"AKIAABCDEFGHIJKLMNOP" + b"\x00")
    (check,) = failed(dist)
    assert (check.name, check.found) == ("secrets in the bundle", "an AWS access key")


@pytest.mark.parametrize("name", [".env", ".env.production", ".npmrc", ".git/config", "backup.sql", "tls/server.key"])
def test_a_file_that_is_nobodys_business_is_refused_by_its_name(dist: Path, name: str) -> None:
    (dist / name).parent.mkdir(exist_ok=True)
    (dist / name).write_text("harmless")
    (check,) = failed(dist)
    assert (check.name, check.found) == ("private files in the bundle", name)


def test_what_the_web_asks_for_by_name_is_not_private(dist: Path) -> None:
    (dist / ".well-known").mkdir()
    (dist / ".well-known" / "security.txt").write_text("Contact: mailto:security@greenflow.dev")
    assert failed(dist) == []


def test_the_host_s_rules_weigh_nothing(dist: Path) -> None:
    before = read_bundle(dist).raw_bytes
    (dist / "vercel.json").write_text("{}" + " " * 10_000)
    assert read_bundle(dist).raw_bytes == before


def test_a_build_without_a_page_is_no_site(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"could not find the built site: dist/index\.html is missing"):
        read_bundle(tmp_path / "dist")
