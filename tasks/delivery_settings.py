"""Say how the site is built, where dumps go, where the image comes from and how the API runs (guide 1.1 to 3.3)."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from tasks.approval_policy import Seconds
from tasks.capacity import CapacityPolicy
from tasks.section import Command, Section


class BuildSettings(Section):
    """Say how the site is built and what it may weigh (guide 1.1, 1.2); budget in kB as a browser loads it, raw.

    ``path`` names folders in which node and npm are looked for before PATH.
    """

    install: Command = ("npm", "ci")
    lint: Command = ("npm", "run", "lint")
    typecheck: Command = ("npm", "run", "typecheck")
    build: Command = ("npm", "run", "build")
    output_directory: str = "dist"
    budget_kb: float = 500
    timeout_s: Seconds = 600
    path: tuple[str, ...] = ()
    variables: dict[Annotated[str, StringConstraints(pattern=r"^VITE_[A-Z0-9_]+$")], str] = Field(default_factory=dict)


class BackupSettings(Section):
    """Say where dumps go (guide 1.3); ``restore_jobs`` connections restore one at the same time.

    One dump job streams straight into the bucket in parts of ``part_mb`` MiB, of which S3 takes 10,000, and needs no
    disk to dump. Several jobs dump large tables side by side, into a directory that needs disk until it is stored.
    ``keep_days`` is the least the bucket's lifecycle may keep a dump. Without ``kms_key`` S3's own key encrypts.
    """

    bucket: str
    prefix: str = "dumps"
    timeout_s: Seconds = 3600
    dump_jobs: Annotated[int, Field(ge=1, le=32)] = 1
    part_mb: Annotated[int, Field(ge=5, le=5120)] = 32
    retry_s: Seconds = 2
    progress_s: Seconds = 15
    keep_days: Annotated[int, Field(ge=1)] = 30
    kms_key: str = ""
    restore_jobs: Annotated[int, Field(ge=1, le=16)] = 2


class ServiceSettings(Section):
    """Say how the API runs on ECS (guide 3.1 to 3.3); all counts are tasks a side.

    ``requests_per_task_s`` is what one task carries well, as a load test showed; where it is given, each phase of the
    canary needs the tasks for its share of the measured load and ``headroom`` (a fraction) more. Without it the tasks
    that serve now are the measure. ``roles`` are the ARNs of the roles that tasks run and start as: `greenflow iam`
    lets a release pass on these alone, or any role that trusts ECS tasks while none is named.
    """

    cluster: str
    container: str
    repository: str
    roles: tuple[Annotated[str, StringConstraints(pattern=r"^arn:aws[\w-]*:iam::\d{12}:role/.+$")], ...] = ()
    desired_count: Annotated[int, Field(ge=1, le=200)] = 2
    requests_per_task_s: Annotated[float, Field(gt=0)] | None = None
    headroom: Annotated[float, Field(ge=0, le=3)] = 0.2
    idle_count: Annotated[int, Field(ge=0, le=200)] = 0
    deadline_s: Seconds = 900
    poll_s: Seconds = 5
    healthy_polls: Annotated[int, Field(ge=1)] = 2
    keep_old_s: Seconds = 900

    @property
    def capacity(self) -> CapacityPolicy:
        """Return what each phase's number of tasks is computed by."""
        return CapacityPolicy(least=self.desired_count, headroom=self.headroom, per_task_s=self.requests_per_task_s)


class ImageSettings(Section):
    """Say where the image comes from (guide 3.1): staging's own by its tag, or built from the release's tag.

    ``builder`` is the command that builds, empty for docker or podman on PATH; its name says which of both it is. It
    pushes to ``push_to``, or to the repository's own address. Docker needs a builder that keeps annotations, such as
    one of buildx's docker-container driver.
    """

    source: Literal["promote", "build"] = "promote"
    builder: tuple[str, ...] = ()
    dockerfile: str = "Dockerfile"
    platform: str = "linux/amd64"
    build_options: tuple[str, ...] = ()
    push_options: tuple[str, ...] = ()
    push_to: str = ""
    timeout_s: Seconds = 1800
