"""Say what `greenflow serve` shall serve; nothing heavy is imported here."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from deployments.endpoint import FILE


@Parameter(name="*")
@dataclass(frozen=True)
class Wanted:
    """Hold what is served, where it listens and logs, and what lasts; ``database`` and ``auth`` are references."""

    environment: Annotated[str, Parameter(help="Name of a file in deployments/environments; rehearsal has the twin.")]
    port: Annotated[int, Parameter(help="Where the Prefect UI listens on 127.0.0.1; 0 is a free one.")] = 0
    approvals_port: Annotated[int, Parameter(help="Where Slack's clicks come in on 127.0.0.1; 0 is a free one.")] = 0
    database: Annotated[
        str, Parameter(help="A reference such as env:NAME to a PostgreSQL's address; without one it runs its own.")
    ] = ""
    auth: Annotated[
        str, Parameter(help="A reference to the Prefect server's user:password; without one it makes a password.")
    ] = ""
    home: Annotated[
        Path | None, Parameter(help="Folder for what must outlive this process; .greenflow/ENVIRONMENT without it.")
    ] = None
    log: Annotated[Path, Parameter(help="Where all parts write.")] = Path("reports/serve.log")
    version: Annotated[str, Parameter(help="What a rehearsal can release.")] = "1.1.0"
    fault: Annotated[str, Parameter(help="What is wrong with it; `greenflow faults` lists what can be.")] = ""

    @property
    def folder(self) -> Path:
        """Return the folder for what lasts."""
        return (self.home or FILE.parent / self.environment).resolve()
