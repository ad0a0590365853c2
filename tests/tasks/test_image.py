import hashlib

import pytest

from tasks.errors import PermanentError
from tasks.image import check_image, prove_image
from tasks.ledger import Ledger
from tasks.models import Checkout, Outcome
from tasks.registry import REVISION_ANNOTATION, VERSION_ANNOTATION, RegistryImage
from tests.tasks.production import CANDIDATE_COMMIT, Production

SOURCE = Checkout(tag="v1.1.0", commit=CANDIDATE_COMMIT, folder="/nobody/looks/there")


def image(annotations: dict[str, str], manifest: str = "{}") -> RegistryImage:
    digest = f"sha256:{hashlib.sha256(b'{}').hexdigest()}"
    return RegistryImage(digest=digest, manifest=manifest, media_type="m", annotations=annotations)


def outcomes(found: RegistryImage) -> list[Outcome]:
    return [check.outcome for check in check_image(found, version="1.1.0", commit=CANDIDATE_COMMIT)]


def test_the_image_is_proved_and_pinned_by_its_digest(production: Production, release: Ledger) -> None:
    proof = prove_image.fn(production.settings, production.plan, SOURCE)
    digest = production.seeded.digests["1.1.0"]
    assert proof.digest == digest
    assert proof.uri == f"{production.seeded.repository_uri}@{digest}"
    assert (proof.version, proof.revision) == ("1.1.0", CANDIDATE_COMMIT)
    assert [check.outcome for check in proof.checks] == ["passed"] * 3


def test_a_version_nobody_pushed_is_named(production: Production, release: Ledger) -> None:
    plan = production.plan.model_copy(update={"version": "9.9.9"})
    with pytest.raises(PermanentError, match=r"greenflow-api:9\.9\.9: found no such tag"):
        prove_image.fn(production.settings, plan, SOURCE)


def test_an_image_of_another_commit_fails(production: Production, release: Ledger) -> None:
    plan = production.plan.model_copy(update={"commit": "c" * 40})
    failed = prove_image.fn(production.settings, plan, SOURCE).failed
    assert [check.line for check in failed] == [f"image revision: found {'b' * 40}, expected {'c' * 40}"]


def test_an_image_that_says_nothing_of_itself_is_skipped_with_the_reason() -> None:
    checks = check_image(image({}), version="1.1.0", commit=CANDIDATE_COMMIT)
    assert [check.outcome for check in checks] == ["passed", "skipped", "skipped"]
    assert checks[1].note == f"the manifest carries no {VERSION_ANNOTATION}"


def test_a_manifest_that_does_not_hash_to_its_digest_fails() -> None:
    assert outcomes(image({}, manifest="{} "))[0] is Outcome.FAILED


def test_an_image_of_another_version_fails() -> None:
    said = {VERSION_ANNOTATION: "1.0.9", REVISION_ANNOTATION: CANDIDATE_COMMIT}
    assert outcomes(image(said)) == ["passed", "failed", "passed"]
