"""Results are read where a pipeline leaves them: in S3, at an address, on disk."""

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deployments.twin.aws import AwsEmulator
from deployments.twin.http_thread import HttpThread
from tasks.checklist.results import NoResultsError, read_results
from tasks.checklist_settings import ResultsSettings
from tasks.errors import PermanentError, TransientError
from tests.conftest import NewSettings
from tests.tasks.checklist.subjects import COMMIT, NOW, subject


@pytest.fixture
def pipeline() -> Iterator[str]:
    """A server that keeps results: one with its age, one without, none elsewhere."""

    async def answer(request: Request) -> Response:
        dated = {"last-modified": format_datetime(NOW, usegmt=True)}
        match request.path_params["name"]:
            case "dated.xml":
                return Response(b"<testsuite/>", headers=dated)
            case "dated.xml.commit":
                return Response(COMMIT.encode(), headers=dated)
            case "undated.xml":
                return Response(b"<testsuite/>")
            case "broken.xml":
                return Response(b"no", 503)
        return Response(b"no", 404)

    with HttpThread(Starlette(routes=[Route("/{name}", answer)]), "pipeline") as server:
        yield server.url


def test_an_object_in_s3_is_as_old_as_s3_says(new_settings: NewSettings, ledger_aws: AwsEmulator) -> None:
    settings = new_settings()
    key = f"e2e/{COMMIT}.xml"
    ledger_aws.client("s3").put_object(Bucket=settings.ledger.bucket, Key=key, Body=b"<testsuite/>")
    wanted = ResultsSettings(file=f"s3://{settings.ledger.bucket}/e2e/{{commit}}.xml")
    found = read_results(settings, wanted, subject())
    assert found.body == b"<testsuite/>"
    assert abs((datetime.now(UTC) - found.modified_at).total_seconds()) < 60
    with pytest.raises(NoResultsError, match="could not find results at s3://"):
        read_results(settings, wanted, subject(commit="e" * 40))


def test_an_address_tells_age_and_commit(new_settings: NewSettings, pipeline: str) -> None:
    found = read_results(new_settings(), ResultsSettings(file=f"{pipeline}/dated.xml"), subject())
    assert (found.modified_at, found.commit) == (NOW, COMMIT)


def test_an_address_that_tells_no_age_is_not_believed(new_settings: NewSettings, pipeline: str) -> None:
    with pytest.raises(PermanentError, match="found no Last-Modified header, expected one"):
        read_results(new_settings(), ResultsSettings(file=f"{pipeline}/undated.xml"), subject())


def test_a_server_in_trouble_is_no_missing_result(new_settings: NewSettings, pipeline: str) -> None:
    with pytest.raises(TransientError, match="503"):
        read_results(new_settings(), ResultsSettings(file=f"{pipeline}/broken.xml"), subject())
    with pytest.raises(NoResultsError):
        read_results(new_settings(), ResultsSettings(file=f"{pipeline}/missing.xml"), subject())
