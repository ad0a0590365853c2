"""Prove the image that will run (guide 3.1): the one staging ran, pinned by its digest (safety I24).

An environment may build it from the release's tag instead; then nobody has tested it, and the evidence says so.
"""

import hashlib
import logging

from tasks.errors import PermanentError
from tasks.image_build import build_image
from tasks.models import Check, Checkout, ImageProof, ReleasePlan
from tasks.registry import REVISION_ANNOTATION, VERSION_ANNOTATION, RegistryImage, find_image, image_uri
from tasks.retries import REPEATABLE
from tasks.sentences import sentence
from tasks.settings import Settings
from tasks.stage import stage

log = logging.getLogger("greenflow.image")


@stage("3.1 prove the image", REPEATABLE)
def prove_image(settings: Settings, plan: ReleasePlan, checkout: Checkout) -> ImageProof:
    """Find the version's image, or build it, and check that it is what it says.

    Raises PermanentError when there is none, when its tag is another commit's, or when its build fails.
    """
    image, origin = _built(settings, plan, checkout) if settings.image.source == "build" else _promoted(settings, plan)
    uri = image_uri(settings, image.digest)
    log.info("image %s is %s", plan.version, uri)
    return ImageProof(
        checks=(*check_image(image, version=plan.version, commit=plan.commit), *origin),
        digest=image.digest,
        uri=uri,
        revision=image.revision,
        version=image.version,
    )


def _promoted(settings: Settings, plan: ReleasePlan) -> tuple[RegistryImage, tuple[Check, ...]]:
    image = find_image(settings, tag=plan.version)
    if image is None:
        msg = sentence(
            "could not find image {repository}:{version}: found no such tag, expected the image that "
            "staging ran; push it under its version, or release another one",
            repository=settings.service.repository,
            version=plan.version,
        )
        raise PermanentError(msg)
    return image, ()


def _built(settings: Settings, plan: ReleasePlan, checkout: Checkout) -> tuple[RegistryImage, tuple[Check, ...]]:
    image, pushed = build_image(settings, plan, checkout)
    name = "digest as pushed"
    same = (
        Check.of(name, ok=pushed == image.digest, found=image.digest, expected=pushed)
        if pushed
        else Check.skipped(name, "an earlier run of this commit has pushed it")
    )
    return image, (same, Check.skipped("image ran on staging", "it was built for this release: nobody has tested it"))


def check_image(image: RegistryImage, *, version: str, commit: str) -> tuple[Check, ...]:
    """Check the digest against the manifest's bytes, and the manifest's own words against the plan."""
    computed = f"sha256:{hashlib.sha256(image.manifest.encode()).hexdigest()}"
    return (
        Check.of("image digest", ok=computed == image.digest, found=computed, expected=image.digest),
        _said("image version", VERSION_ANNOTATION, image.version, version),
        _said("image revision", REVISION_ANNOTATION, image.revision, commit),
    )


def _said(name: str, annotation: str, found: str, expected: str) -> Check:
    if not found:
        return Check.skipped(name, sentence("the manifest carries no {annotation}", annotation=annotation))
    return Check.of(name, ok=found == expected, found=found, expected=expected)
