"""Build the released version's image from its tag, where an environment does not promote staging's (guide 3.1)."""

import logging
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from tasks.clients.aws import ecr, translated
from tasks.clients.containers import Builder, Login, Recipe, find_builder
from tasks.errors import PermanentError, TransientError
from tasks.ledger import effect
from tasks.models import Checkout, ReleasePlan
from tasks.registry import REVISION_ANNOTATION, VERSION_ANNOTATION, RegistryImage, find_image, repository_uri
from tasks.sentences import sentence
from tasks.settings import Settings

log = logging.getLogger("greenflow.image")

NOT_SOURCE = shutil.ignore_patterns("node_modules", ".git", ".greenflow-installed")


def build_image(settings: Settings, plan: ReleasePlan, checkout: Checkout) -> tuple[RegistryImage, str]:
    """Build and push the image under its version, and return it as the registry has it, with the pushed digest.

    One that is there already for this very commit is taken as it is, and the digest is empty: a tag is never moved.
    Raises PermanentError when the tag is another commit's, no builder is found or the build fails.
    """
    pushed: list[str] = []

    def act() -> None:
        pushed.append(_pushed(settings, plan, checkout))

    image = effect(
        "image.build",
        plan.version,
        observe=lambda: _found(settings, plan),
        act=act,
        data={"commit": plan.commit},
        read_back_s=settings.ledger.read_back_s,
    )
    return image, "".join(pushed[-1:])


def _found(settings: Settings, plan: ReleasePlan) -> RegistryImage | None:
    image = find_image(settings, tag=plan.version)
    if image is not None and image.revision and image.revision != plan.commit:
        msg = sentence(
            "could not build image {version}: found that tag on commit {revision}, expected "
            "{commit}; a tag is never moved: release another version",
            version=plan.version,
            revision=image.revision[:12],
            commit=plan.commit[:12],
        )
        raise PermanentError(msg)
    return image


def _pushed(settings: Settings, plan: ReleasePlan, checkout: Checkout) -> str:
    """Build from a copy of the source: the migration installs its packages beside it at the same time."""
    given = settings.image
    builder = Builder(find_builder(given.builder), given.timeout_s, lambda line: log.info("image: %s", line))
    with tempfile.TemporaryDirectory(prefix="greenflow-image-") as folder:
        context = Path(folder) / "context"
        shutil.copytree(Path(checkout.folder) / settings.source.backend_directory, context, ignore=NOT_SOURCE)
        target = given.push_to or repository_uri(settings)
        recipe = Recipe(
            context=context,
            dockerfile=given.dockerfile,
            name=f"{target}:{plan.version}",
            platform=given.platform,
            annotations={VERSION_ANNOTATION: plan.version, REVISION_ANNOTATION: plan.commit},
            build_options=given.build_options,
            push_options=given.push_options,
        )
        digest = builder.build_and_push(recipe, _login(settings, target))
    log.info("pushed %s as %s", recipe.name, digest)
    return digest


def _login(settings: Settings, target: str) -> Login:
    with translated("sign in to the registry"):
        answer = ecr(settings.aws).get_authorization_token().get("authorizationData", [])
    if not answer:
        msg = sentence("could not sign in to the registry: the answer was empty")
        raise TransientError(msg)
    return Login(urlsplit(f"//{target}").netloc, SecretStr(answer[0]["authorizationToken"]))
