"""Show a release while it runs: one live picture in a terminal, plain lines elsewhere."""

from typing import Any

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from flows.core.record import Poll, ReleaseState, StageState
from flows.core.report_words import lasted
from tasks.models import FULL_WEIGHT
from tasks.sentences import named, sentence, spoken

BAR_WIDTH = 50
LABEL_WIDTH = 9
STORY_LINES = 6
SIGNS = {"running": ("…", "cyan"), "finished": ("✓", "green"), "failed": ("✗", "red")}


def picture(state: ReleaseState, users: dict[str, Any], addresses: tuple[str, ...]) -> RenderableType:
    """Draw the release: stages, weights, the bake's numbers, users, the story's last lines."""
    about = {"version": state.version or "…", "environment": state.environment or "…"}
    title = spoken(sentence("release {version} to {environment}", **about))
    parts: list[RenderableType] = [_stages(state), Text()]
    parts += [_weights(state), *_bake(state), *_ask(state), _users(users), Text()]
    parts += [Text(f"{moment.at:%H:%M:%S} {spoken(moment.text)}", style="dim") for moment in state.story[-STORY_LINES:]]
    return Panel(Group(*parts), title=title, subtitle="   ".join(addresses), border_style="blue")


def news(before: ReleaseState, after: ReleaseState) -> list[str]:
    """Say in plain lines what has happened between two looks."""
    lines = [f"{moment.at:%H:%M:%S} {spoken(moment.text)}" for moment in after.story[len(before.story) :]]
    for name, stage in after.stages.items():
        if stage.status == "finished" and (name not in before.stages or before.stages[name].status != "finished"):
            done = sentence("{stage}: done in {took}", stage=named(name), took=_took(stage))
            lines.append(f"{stage.ended_at:%H:%M:%S} {spoken(done)}")
        elif stage.said and (name not in before.stages or before.stages[name].said != stage.said):
            lines.append(f"         {spoken(named(name))}: {spoken(stage.said)}")
    if after.polls and len(after.polls) != len(before.polls):
        lines.append(f"{after.polls[-1].at:%H:%M:%S} {_numbers(after.polls[-1])}")
    return lines


def _stages(state: ReleaseState) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for stage in state.stages.values():
        sign, colour = SIGNS[stage.status]
        told = stage.said if stage.status == "running" else _took(stage)
        table.add_row(Text(sign, style=colour), spoken(named(stage.name)), Text(spoken(told), style="dim"))
    return table


def _took(stage: StageState) -> str:
    if stage.ended_at is None:
        return ""
    return lasted((stage.ended_at - stage.started_at).total_seconds())


def _weights(state: ReleaseState) -> Text:
    if not state.plan or not state.weights:
        return Text(spoken(named("traffic: not touched")), style="dim")
    new = state.weights.of(state.plan.candidate)
    filled = round(BAR_WIDTH * new / FULL_WEIGHT)
    text = Text(_label("traffic"))
    text.append("█" * filled, style="green")
    text.append("█" * (BAR_WIDTH - filled), style="blue")
    before = {"old": FULL_WEIGHT - new, "before": named("the version before")}
    text.append(
        f"  {spoken(sentence('{new} % {version}, {old} % {before}', new=new, version=state.version, **before))}"
    )
    return text


def _label(name: str) -> str:
    """Write what a line is about, as wide as the others."""
    shown = spoken(named(name))
    return shown + " " * max(1, LABEL_WIDTH - cell_len(shown))


def _bake(state: ReleaseState) -> list[Text]:
    if not state.polls or state.ended:
        return []
    return [Text(_numbers(state.polls[-1]))]


def _numbers(poll: Poll) -> str:
    judgement = poll.judgement
    told = sentence(
        "{counted}/{needed} periods, judge: {verdict}; new {new}; old {old}",
        counted=judgement["periods_counted"],
        needed=judgement["periods_needed"],
        verdict=named(str(judgement["verdict"]).replace("_", " ")),
        new=_side(judgement["new"]),
        old=_side(judgement["old"]),
    )
    return f"{_label('bake')}{spoken(told)}"


def _side(counts: dict[str, int]) -> str:
    about = {"failed": counts["failed"], "requests": counts["requests"], "slow": counts["slow_300ms"]}
    return sentence("{failed}/{requests} failed, {slow} slower than 0.3 s", **about)


def _ask(state: ReleaseState) -> list[Text]:
    ask = state.open_ask
    if ask is None:
        return []
    about = {"before": ask.from_weight, "after": ask.to_weight, "until": f"{ask.expires_at:%H:%M:%S}"}
    asked = sentence("{before} % -> {after} %? silence until {until} comes home", **about)
    doors = named("answer in Slack, in the Prefect UI, or with: greenflow approve | reject")
    return [
        Text(f"{_label('ASK')}{spoken(asked)}", "bold yellow"),
        Text(f"{' ' * LABEL_WIDTH}{spoken(doors)}", "yellow"),
    ]


def _users(users: dict[str, Any]) -> Text:
    if not users:
        return Text()
    failed = users.get("failed", 0)
    text = Text(_label("users"))
    about = {"failed": failed, "requests": users.get("requests", 0), "p95_ms": users.get("p95_ms") or 0.0}
    told = sentence("{failed} of {requests} requests failed, p95 {p95_ms:.0f} ms", **about)
    return text.append(spoken(told), style="red" if failed else "green")
