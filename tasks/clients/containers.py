"""Build an image and push it with docker or podman, by argument lists; the registry's password is in a private file."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from tasks.clients.shell import run
from tasks.errors import PermanentError
from tasks.mutations import require_effect
from tasks.sentences import sentence

BUILDERS = ("docker", "podman")


@dataclass(frozen=True)
class Recipe:
    """Say what is built: a folder with a Dockerfile, into ``name`` (registry/repository:tag), annotated."""

    context: Path
    dockerfile: str
    name: str
    platform: str
    annotations: Mapping[str, str]
    build_options: Sequence[str] = ()
    push_options: Sequence[str] = ()


@dataclass(frozen=True)
class Login:
    """Hold how a registry is entered: its host, and user and password in base64 as registries want them."""

    host: str
    auth: SecretStr


@dataclass(frozen=True)
class Builder:
    """Hold the program that builds; ``command`` may carry options of its own before the verb."""

    command: tuple[str, ...]
    timeout_s: float
    on_line: Callable[[str], None]

    def build_and_push(self, recipe: Recipe, login: Login) -> str:
        """Build, push, and return the digest that was pushed, as the builder itself recorded it."""
        require_effect(f"push image {recipe.name}")
        with _private(login) as folder:
            if Path(self.command[0]).name == "podman":
                return self._by_podman(recipe, folder)
            return self._by_docker(recipe, folder)

    def _by_docker(self, recipe: Recipe, folder: Path) -> str:
        """Build and push in one step; an attestation would make an index of the image, and its digest another one."""
        told = folder / "metadata.json"
        verb = ("buildx", "build", "--push", "--provenance=false", "--sbom=false", f"--metadata-file={told}")
        buildx = os.environ.get("BUILDX_CONFIG", str(Path.home() / ".docker" / "buildx"))
        env = {"DOCKER_CONFIG": str(folder), "BUILDX_CONFIG": buildx}
        self._run((*verb, *_described(recipe), *recipe.push_options, str(recipe.context)), env)
        return _digest(str(json.loads(told.read_text("utf-8")).get("containerimage.digest", "")), recipe)

    def _by_podman(self, recipe: Recipe, folder: Path) -> str:
        told, auth = folder / "digest", folder / "config.json"
        self._run(("build", "--format=oci", f"--authfile={auth}", *_described(recipe), str(recipe.context)), {})
        push = ("push", f"--authfile={auth}", f"--digestfile={told}", *recipe.push_options, recipe.name)
        self._run(push, {})
        return _digest(told.read_text("utf-8"), recipe)

    def _run(self, arguments: Sequence[str], env: Mapping[str, str]) -> None:
        run((*self.command, *arguments), env=env, timeout_s=self.timeout_s, on_line=self.on_line)


def find_builder(wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the command that builds: the one that is set, else docker or podman; raises PermanentError for none."""
    if wanted:
        return tuple(wanted)
    found = next((name for name in BUILDERS if shutil.which(name)), None)
    if found is None:
        msg = sentence(
            "could not build the image: found neither docker nor podman on PATH, expected one; "
            'install one, name it in image.builder, or set image.source = "promote"'
        )
        raise PermanentError(msg)
    return (found,)


@contextmanager
def _private(login: Login) -> Iterator[Path]:
    """Give a folder that holds the registry's password for as long as the block lasts; both builders read this file."""
    with tempfile.TemporaryDirectory(prefix="greenflow-registry-") as name:
        file = Path(name) / "config.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps({"auths": {login.host: {"auth": login.auth.get_secret_value()}}}), "utf-8")
        plugins = Path.home() / ".docker" / "cli-plugins"
        if plugins.is_dir():
            (Path(name) / "cli-plugins").symlink_to(plugins)
        yield Path(name)


def _described(recipe: Recipe) -> tuple[str, ...]:
    annotations = (f"--annotation={name}={value}" for name, value in recipe.annotations.items())
    file = f"--file={recipe.context / recipe.dockerfile}"
    return (file, f"--tag={recipe.name}", f"--platform={recipe.platform}", *annotations, *recipe.build_options)


def _digest(text: str, recipe: Recipe) -> str:
    found = text.strip()
    if not found.startswith("sha256:"):
        msg = sentence(
            "could not learn the digest of {name}: found {found}, expected sha256:...",
            name=recipe.name,
            found=repr(found[:80]),
        )
        raise PermanentError(msg)
    return found
