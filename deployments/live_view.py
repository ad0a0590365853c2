"""Show a release while it runs: one live picture in a terminal, plain lines elsewhere."""

from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from flows.core.record import Poll, ReleaseState, StageState
from tasks.models import FULL_WEIGHT

BAR_WIDTH = 50
STORY_LINES = 6
SIGNS = {"running": ("…", "cyan"), "finished": ("✓", "green"), "failed": ("✗", "red")}


def picture(state: ReleaseState, users: dict[str, Any], addresses: tuple[str, ...]) -> RenderableType:
    """Draw the release: stages, weights, the bake's numbers, users, the story's last lines."""
    title = f"release {state.version or '…'} to {state.environment or '…'}"
    parts: list[RenderableType] = [_stages(state), Text()]
    parts += [_weights(state), *_bake(state), *_ask(state), _users(users), Text()]
    parts += [Text(f"{moment.at:%H:%M:%S} {moment.text}", style="dim") for moment in state.story[-STORY_LINES:]]
    return Panel(Group(*parts), title=title, subtitle="   ".join(addresses), border_style="blue")


def news(before: ReleaseState, after: ReleaseState) -> list[str]:
    """Say in plain lines what has happened between two looks."""
    lines = [f"{moment.at:%H:%M:%S} {moment.text}" for moment in after.story[len(before.story) :]]
    for name, stage in after.stages.items():
        if stage.status == "finished" and (name not in before.stages or before.stages[name].status != "finished"):
            lines.append(f"{stage.ended_at:%H:%M:%S} {name}: done in {_took(stage)}")
        elif stage.said and (name not in before.stages or before.stages[name].said != stage.said):
            lines.append(f"         {name}: {stage.said}")
    if after.polls and len(after.polls) != len(before.polls):
        lines.append(f"{after.polls[-1].at:%H:%M:%S} {_numbers(after.polls[-1])}")
    return lines


def _stages(state: ReleaseState) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for stage in state.stages.values():
        sign, colour = SIGNS[stage.status]
        told = stage.said if stage.status == "running" else _took(stage)
        table.add_row(Text(sign, style=colour), stage.name, Text(told, style="dim"))
    return table


def _took(stage: StageState) -> str:
    if stage.ended_at is None:
        return ""
    return f"{(stage.ended_at - stage.started_at).total_seconds():.1f} s"


def _weights(state: ReleaseState) -> Text:
    if not state.plan or not state.weights:
        return Text("traffic: not touched", style="dim")
    new = state.weights.of(state.plan.candidate)
    filled = round(BAR_WIDTH * new / FULL_WEIGHT)
    text = Text("traffic  ")
    text.append("█" * filled, style="green")
    text.append("█" * (BAR_WIDTH - filled), style="blue")
    text.append(f"  {new} % {state.version}, {FULL_WEIGHT - new} % the version before")
    return text


def _bake(state: ReleaseState) -> list[Text]:
    if not state.polls or state.ended:
        return []
    return [Text(_numbers(state.polls[-1]))]


def _numbers(poll: Poll) -> str:
    judgement = poll.judgement
    clock = f"{judgement['periods_counted']}/{judgement['periods_needed']} periods"
    sides = f"new {_side(judgement['new'])}; old {_side(judgement['old'])}"
    return f"bake     {clock}, judge: {judgement['verdict']}; {sides}"


def _side(counts: dict[str, int]) -> str:
    return f"{counts['failed']}/{counts['requests']} failed, {counts['slow_300ms']} slower than 0.3 s"


def _ask(state: ReleaseState) -> list[Text]:
    ask = state.open_ask
    if ask is None:
        return []
    return [
        Text(
            f"ASK      {ask.from_weight} % -> {ask.to_weight} %? silence until {ask.expires_at:%H:%M:%S} comes home",
            "bold yellow",
        ),
        Text(
            "         answer in Slack, in the Prefect UI, or with: greenflow approve | reject",
            "yellow",
        ),
    ]


def _users(users: dict[str, Any]) -> Text:
    if not users:
        return Text()
    failed = users.get("failed", 0)
    text = Text("users    ")
    text.append(f"{failed} failed", style="red" if failed else "green")
    text.append(f" of {users.get('requests', 0)} requests, p95 {users.get('p95_ms') or 0:.0f} ms")
    return text
