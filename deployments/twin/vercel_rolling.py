"""Rolling releases as Vercel has them: a canary gets a share of the visitors, stage by stage, with a yes for each.

https://vercel.com/docs/rolling-releases; the paths and bodies are those that Vercel's own command line sends. Only
manual approval is served: time does not advance a stage here.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from starlette.responses import JSONResponse

from deployments.twin.vercel_project import VercelError
from deployments.twin.vercel_request import known_fields

if TYPE_CHECKING:
    from starlette.responses import Response

    from deployments.twin.vercel_project import Deployment, Project
    from deployments.twin.vercel_request import Asked

WHOLE = 100


@dataclass
class Rollout:
    """One rolling release; `stage` is the index of the stage that is active."""

    current: Deployment
    canary: Deployment
    percentages: list[int]
    started_s: float
    state: Literal["ACTIVE", "COMPLETE", "ABORTED"] = "ACTIVE"
    stage: int = 0

    @property
    def percentage(self) -> int:
        """Give the share of visitors that the canary has now."""
        return self.percentages[self.stage] if self.state == "ACTIVE" else 0


@dataclass
class RollingReleases:
    """The rolling releases of one project, and the handlers that start, advance and end them."""

    project: Project
    percentages: list[int] = field(default_factory=list)
    last: Rollout | None = None

    def serving(self) -> Deployment | None:
        """Give the deployment a new visitor of the domain sees."""
        active = self._active()
        if active and random.randrange(WHOLE) < active.percentage:  # noqa: S311 - visitors are spread, not protected
            return active.canary
        return self.project.current

    def show_config(self, _: Asked) -> Response:
        """GET /v1/projects/{id}/rolling-release/config."""
        stages = [_stage(self.percentages, place) for place in range(len(self.percentages))]
        shown = {"target": "production", "advancementType": "manual-approval", "stages": stages} if stages else None
        return JSONResponse({"rollingRelease": shown})

    def change_config(self, asked: Asked) -> Response:
        """PATCH /v1/projects/{id}/rolling-release/config: changes only what is started later."""
        fields = known_fields(asked.body, {"enabled", "advancementType", "stages", "target"})
        if fields.get("advancementType", "manual-approval") != "manual-approval":
            raise VercelError(400, "bad_request", "The twin serves manual approval only.")
        wanted = [int(one["targetPercentage"]) for one in fields.get("stages", [])]
        if wanted and (wanted != sorted(set(wanted)) or wanted[-1] != WHOLE):
            raise VercelError(400, "bad_request", "Invalid request: stages must rise and end at 100.")
        self.percentages = wanted if fields.get("enabled", True) else []
        return self.show_config(asked)

    def show(self, _: Asked) -> Response:
        """GET /v1/projects/{id}/rolling-release."""
        return JSONResponse({"rollingRelease": self._shown()})

    def start(self, asked: Asked) -> Response:
        """POST /v1/projects/{id}/rolling-release/start."""
        with self.project.lock:
            canary, current, active = self._canary(asked), self.project.current, self._active()
            if active and active.canary is not canary:
                raise VercelError(409, "conflict", "Another rolling release is active.")
            if not self.percentages or current is None:
                raise VercelError(422, "unprocessable_entity", "Rolling releases are not enabled for this project.")
            if canary.ready_state(self.project.clock()) != "READY" or canary is current:
                raise VercelError(422, "unprocessable_entity", f"{canary.id} cannot be a canary")
            self.last = active or Rollout(current, canary, list(self.percentages), self.project.clock())
        return self.show(asked)

    def approve(self, asked: Asked) -> Response:
        """POST /v1/projects/{id}/rolling-release/approve-stage: the next stage, and no other."""
        with self.project.lock:
            active = self._active_of(self._canary(asked))
            wanted = asked.body.get("nextStageIndex")
            if wanted != active.stage + 1 or wanted >= len(active.percentages):
                raise VercelError(400, "bad_request", f"The next stage is {active.stage + 1}, not {wanted}")
            active.stage = wanted
            if active.percentage == WHOLE:
                self._complete(active)
        return self.show(asked)

    def complete(self, asked: Asked) -> Response:
        """POST /v1/projects/{id}/rolling-release/complete."""
        with self.project.lock:
            self._complete(self._active_of(self._canary(asked)))
        return self.show(asked)

    def abort(self, to: Deployment) -> bool:
        """End the active rolling release by a rollback to what was current; tell whether that was one."""
        with self.project.lock:
            active = self._active()
            if active is None or to is not active.current:
                return False
            active.state = "ABORTED"
            return True

    def _complete(self, active: Rollout) -> None:
        active.state = "COMPLETE"
        self.project.promote(active.canary)

    def _active(self) -> Rollout | None:
        return self.last if self.last and self.last.state == "ACTIVE" else None

    def _active_of(self, canary: Deployment) -> Rollout:
        active = self._active()
        if active is None or active.canary is not canary:
            raise VercelError(404, "not_found", f"{canary.id} has no active rolling release")
        return active

    def _canary(self, asked: Asked) -> Deployment:
        return self.project.find(str(asked.body.get("canaryDeploymentId")))

    def _shown(self) -> dict[str, Any] | None:
        if self.last is None:
            return None
        stages = [_stage(self.last.percentages, place) for place in range(len(self.last.percentages))]
        active = self.last.state == "ACTIVE"
        later = self.last.stage + 1 < len(stages)
        return {
            "state": self.last.state,
            "substate": None,
            "currentDeployment": _named(self.last.current),
            "canaryDeployment": _named(self.last.canary),
            "queuedDeploymentId": None,
            "advancementType": "manual-approval",
            "stages": stages,
            "activeStage": stages[self.last.stage] if active else None,
            "nextStage": stages[self.last.stage + 1] if active and later else None,
            "startedAt": round(self.last.started_s * 1000),
            "updatedAt": round(self.project.clock() * 1000),
        }


def _stage(percentages: list[int], index: int) -> dict[str, Any]:
    last = index == len(percentages) - 1
    share = percentages[index]
    return {
        "index": index,
        "isFinalStage": last,
        "targetPercentage": share,
        "requireApproval": not last,
        "duration": None,
    }


def _named(deployment: Deployment) -> dict[str, Any]:
    return {"id": deployment.id, "name": deployment.name, "url": deployment.address, "readyState": "READY"}
