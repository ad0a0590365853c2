"""An image built for a release is the one the registry has: same digest, same commit, and nobody's tag is moved."""

import contextlib
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployments.twin.aws import AwsEmulator
from deployments.twin.registry import RegistryStandIn
from tasks.clients import containers
from tasks.errors import PermanentError
from tasks.image import prove_image
from tasks.ledger import open_ledger
from tasks.models import Checkout, ReleasePlan
from tasks.settings import Settings
from tests.tasks.stores import new_plan

COMMIT = "b" * 40
REPOSITORY = "greenflow-api"

# Docker as far as a release sees it: it reads the arguments, pushes a manifest and writes what it pushed.
DOCKER = """
import hashlib, json, os, pathlib, sys, urllib.request
pathlib.Path(__file__).with_name("argv.json").write_text(json.dumps([sys.argv[1:], sorted(os.environ)]))
given = dict(word.split("=", 1) for word in sys.argv if word.startswith("--") and "=" in word)
notes = dict(word.split("=", 2)[1:] for word in sys.argv if word.startswith("--annotation="))
address, _, name = given["--tag"].partition("/")
repository, _, tag = name.rpartition(":")
def send(path, body, method, kind="application/octet-stream"):
    where = path if path.startswith("/") else "/v2/" + repository + "/" + path
    call = urllib.request.Request("http://" + address + where, body, {"content-type": kind}, method=method)
    return urllib.request.urlopen(call)
layer = b"{}"
digest = "sha256:" + hashlib.sha256(layer).hexdigest()
place = send("blobs/uploads/", b"", "POST").headers["location"]
send(place + "?digest=" + digest, layer, "PUT")
part = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": len(layer)}
kind = "application/vnd.oci.image.manifest.v1+json"
image = {"schemaVersion": 2, "mediaType": kind, "config": part, "layers": [part], "annotations": notes}
body = json.dumps(image).encode()
send("manifests/" + tag, body, "PUT", kind)
told = CLAIM or "sha256:" + hashlib.sha256(body).hexdigest()
pathlib.Path(given["--metadata-file"]).write_text(json.dumps({"containerimage.digest": told}))
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    context = tmp_path / "source" / "projects" / "glec-api-backend"
    (context / "node_modules").mkdir(parents=True)
    (context / "Dockerfile").write_text("FROM scratch\nCOPY server.js /server.js\n")
    (context / "server.js").write_text("// the API\n")
    return Checkout(tag="v1.2.0", commit=COMMIT, folder=str(tmp_path / "source"))


def docker(folder: Path, claim: str = "") -> Path:
    """Put a docker into a folder of programs."""
    folder.mkdir(exist_ok=True)
    program = folder / "docker"
    program.write_text(f"#!{sys.executable}\nCLAIM = {claim!r}\n{DOCKER}")
    program.chmod(0o755)
    return program


@dataclass(frozen=True)
class Making:
    """Hold what a release that builds its image needs: settings that push to a real registry, and its plan."""

    settings: Settings
    plan: ReleasePlan
    registry_uri: str


Built = Callable[..., Making]


@pytest.fixture
def building(ledger_aws: AwsEmulator, new_settings: Callable[..., Settings]) -> Iterator[Built]:
    """Make a release of a version nobody has pushed."""
    client = ledger_aws.client("ecr")
    with contextlib.suppress(client.exceptions.RepositoryAlreadyExistsException):
        client.create_repository(repositoryName=REPOSITORY, imageTagMutability="IMMUTABLE")
    with ExitStack() as stack:
        registry = stack.enter_context(RegistryStandIn(ledger_aws))
        uri = client.describe_repositories(repositoryNames=[REPOSITORY])["repositories"][0]["repositoryUri"]

        def make(builder: tuple[str, ...], version: str, **overrides: str) -> Making:
            given = {"SOURCE": "build", "BUILDER": json.dumps(builder), "PUSH_TO": f"{registry.address}/{REPOSITORY}"}
            settings = new_settings(**{f"IMAGE__{key}": value for key, value in (given | overrides).items()})
            stack.enter_context(open_ledger(settings, release_id=f"{version}-image", version=version))
            plan = new_plan(f"{version}-image", COMMIT)
            return Making(settings, plan.model_copy(update={"version": version}), uri)

        yield make


def test_docker_builds_and_the_registry_has_what_it_says_it_pushed(
    building: Built, checkout: Checkout, tmp_path: Path
) -> None:
    made = building((str(docker(tmp_path / "bin")),), "1.2.0")
    proof = prove_image.fn(made.settings, made.plan, checkout)
    assert proof.failed == ()
    assert (proof.version, proof.revision) == ("1.2.0", COMMIT)
    assert proof.uri == f"{made.registry_uri}@{proof.digest}"
    assert {check.name: check.outcome for check in proof.checks}["digest as pushed"] == "passed"
    assert [check.note for check in proof.checks if check.outcome == "skipped"] == [
        "it was built for this release: nobody has tested it"
    ]


def test_no_password_and_no_shell_is_in_what_the_builder_is_told(
    building: Built, checkout: Checkout, tmp_path: Path, ledger_aws: AwsEmulator
) -> None:
    made = building((str(docker(tmp_path / "bin")),), "1.2.1")
    token = ledger_aws.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    prove_image.fn(made.settings, made.plan, checkout)
    argv, known = json.loads((tmp_path / "bin" / "argv.json").read_text())
    assert argv[:3] == ["buildx", "build", "--push"]
    assert {"--provenance=false", "--platform=linux/amd64"} <= set(argv)
    assert token not in " ".join(argv)
    assert not {name for name in known if name.startswith("AWS_")}


def test_a_builder_that_claims_another_digest_is_a_failed_check(
    building: Built, checkout: Checkout, tmp_path: Path
) -> None:
    made = building((str(docker(tmp_path / "bin", "sha256:" + "0" * 64)),), "1.2.2")
    (check,) = prove_image.fn(made.settings, made.plan, checkout).failed
    assert (check.name, check.expected) == ("digest as pushed", "sha256:" + "0" * 64)


def test_running_it_again_builds_nothing(building: Built, checkout: Checkout, tmp_path: Path) -> None:
    made = building((str(docker(tmp_path / "bin")),), "1.2.3")
    first = prove_image.fn(made.settings, made.plan, checkout)
    (tmp_path / "bin" / "argv.json").unlink()
    again = prove_image.fn(made.settings, made.plan, checkout)
    assert (again.digest, again.failed) == (first.digest, ())
    assert not (tmp_path / "bin" / "argv.json").exists()


def test_the_tag_of_another_commit_is_not_moved(building: Built, checkout: Checkout, tmp_path: Path) -> None:
    made = building((str(docker(tmp_path / "bin")),), "1.2.4")
    prove_image.fn(made.settings, made.plan, checkout)
    other = made.plan.model_copy(update={"commit": "c" * 40})
    with pytest.raises(PermanentError, match=r"found that tag on commit bbbbbbbbbbbb, expected cccccccccccc"):
        prove_image.fn(made.settings, other, checkout)


def test_a_build_that_fails_ends_in_the_builders_own_words(building: Built, checkout: Checkout, tmp_path: Path) -> None:
    program = docker(tmp_path / "bin")
    program.write_text(f"#!{sys.executable}\nimport sys\nsys.exit('ERROR: failed to solve: server.js: not found')\n")
    made = building((str(program),), "1.2.5")
    with pytest.raises(PermanentError, match=r"ended with exit code 1(.|\n)*failed to solve: server\.js: not found"):
        prove_image.fn(made.settings, made.plan, checkout)


def test_without_a_builder_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PermanentError, match=r"found neither docker nor podman on PATH.* image\.source = "):
        containers.find_builder(())
    docker(tmp_path)
    assert containers.find_builder(()) == ("docker",)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("podman") is None, reason="podman is not installed here")
def test_podman_builds_and_pushes_the_image_for_real(building: Built, checkout: Checkout) -> None:
    with tempfile.TemporaryDirectory(prefix="gf-") as folder:  # podman wants a path of at most 50 characters
        push_with_podman(building, checkout, folder)


def push_with_podman(building: Built, checkout: Checkout, folder: str) -> None:
    storage = ("--storage-driver=vfs", f"--root={folder}/store", f"--runroot={folder}/run")
    options = {"BUILD_OPTIONS": '["--isolation=chroot"]', "PUSH_OPTIONS": '["--tls-verify=false"]'}
    made = building(("podman", *storage), "1.2.6", **options)
    proof = prove_image.fn(made.settings, made.plan, checkout)
    assert proof.failed == ()
    assert (proof.version, proof.revision) == ("1.2.6", COMMIT)
    assert {check.name: check.outcome for check in proof.checks}["digest as pushed"] == "passed"
