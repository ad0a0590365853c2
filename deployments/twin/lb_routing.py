"""Which target gets a request: the load balancer's rules, weights and turns; pure.

The rules of an Application Load Balancer: the first rule by priority whose conditions hold; one of its target
groups by weight; the next of that group's healthy targets. A group with targets but none healthy fails open
(all of them are tried), a draining target gets nothing new, and an empty group is the caller's 503.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

DEFAULT_PRIORITY = 1_000_000  # beyond every priority AWS allows (50,000)


@dataclass(frozen=True, slots=True)
class Target:
    """One address that serves; `health` in the words of DescribeTargetHealth."""

    address: str
    port: int
    health: str


@dataclass(frozen=True, slots=True)
class Group:
    """A target group; `open_to` are the targets that may get a new request now."""

    arn: str
    name: str
    targets: tuple[Target, ...]
    open_to: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One listener rule; weights are summed up already: a draw below `upto` is that group's."""

    priority: int
    header_name: bytes | None
    header_values: tuple[re.Pattern[bytes], ...]
    paths: tuple[re.Pattern[bytes], ...] | None
    shares: tuple[tuple[int, str], ...]

    @property
    def weighs_users(self) -> bool:
        """Say whether this rule splits users by weight, and does not send a marked request to one side."""
        return self.header_name is None

    def holds(self, headers: Mapping[bytes, bytes], path: bytes) -> bool:
        return self._header_holds(headers) and self._path_holds(path)

    def _header_holds(self, headers: Mapping[bytes, bytes]) -> bool:
        if self.header_name is None:
            return True
        value = headers.get(self.header_name)
        return value is not None and any(pattern.fullmatch(value) for pattern in self.header_values)

    def _path_holds(self, path: bytes) -> bool:
        return self.paths is None or any(pattern.fullmatch(path) for pattern in self.paths)


@dataclass(frozen=True, slots=True)
class Routes:
    """Everything the control said at one version; version 0 is before it said anything."""

    version: int = 0
    rules: tuple[Rule, ...] = ()
    groups: Mapping[str, Group] = field(default_factory=dict)

    @property
    def targets(self) -> set[tuple[str, int]]:
        return {(target.address, target.port) for group in self.groups.values() for target in group.targets}


@dataclass(frozen=True, slots=True)
class Choice:
    """Where one request goes: `target` is None when the chosen group has nobody to serve it."""

    group: Group
    target: Target | None
    weighs_users: bool
    version: int


def parse_routes(document: Mapping[str, Any]) -> Routes:
    """Read the control's answer to `/_twin/routes`; KeyError or ValueError when it is not one."""
    groups = {arn: _parse_group(arn, group) for arn, group in document["groups"].items()}
    rules = sorted(map(_parse_rule, document["rules"]), key=lambda rule: rule.priority)
    return Routes(version=int(document["version"]), rules=tuple(rules), groups=groups)


class Router:
    """Choose a target for each request; a seeded generator makes a run repeatable.

    Groups are drawn at random, not in a fixed pattern: users repeat their steps in a fixed order, and two
    fixed orders would send all the bids to one side. The canary's statistics assume random draws, too.
    """

    def __init__(self, generator: Random) -> None:
        self.routes = Routes()
        self._draw = generator.random
        self._turns: dict[str, int] = {}

    def choose(self, headers: Mapping[bytes, bytes], path: bytes) -> Choice | None:
        """Name the group and target of one request; None when no rule sends it anywhere.

        Header names are lower case; `path` is without the query.
        """
        routes = self.routes
        for rule in routes.rules:
            if rule.holds(headers, path):
                group = routes.groups.get(self._draw_group(rule))
                if group is None:
                    return None
                return Choice(group, self._next_target(group), rule.weighs_users, routes.version)
        return None

    def _draw_group(self, rule: Rule) -> str:
        if not rule.shares:
            return ""
        draw = self._draw() * rule.shares[-1][0]
        return next(arn for upto, arn in rule.shares if draw < upto)

    def _next_target(self, group: Group) -> Target | None:
        if not group.open_to:
            return None
        turn = self._turns.get(group.arn, 0)
        self._turns[group.arn] = turn + 1
        return group.open_to[turn % len(group.open_to)]


def _parse_group(arn: str, group: Mapping[str, Any]) -> Group:
    targets = tuple(Target(t["address"], int(t["port"]), t["health"]) for t in group["targets"])
    return Group(arn=arn, name=group["name"], targets=targets, open_to=_open_to(targets))


def _open_to(targets: tuple[Target, ...]) -> tuple[Target, ...]:
    healthy = tuple(target for target in targets if target.health == "healthy")
    return healthy or tuple(target for target in targets if target.health != "draining")


def _parse_rule(rule: Mapping[str, Any]) -> Rule:
    header, paths = rule.get("header"), rule.get("paths")
    return Rule(
        priority=DEFAULT_PRIORITY if rule["priority"] == "default" else int(rule["priority"]),
        header_name=header["name"].lower().encode() if header else None,
        header_values=_patterns(header["values"], re.IGNORECASE) if header else (),
        paths=_patterns(paths) if paths else None,
        shares=_shares((forward["group"], int(forward["weight"])) for forward in rule["forward"]),
    )


def _patterns(globs: Iterable[str], flags: int = 0) -> tuple[re.Pattern[bytes], ...]:
    """Compile AWS's wildcards: `*` is any run of characters, `?` exactly one, the rest is itself."""
    texts = (re.escape(glob).replace(r"\*", ".*").replace(r"\?", ".") for glob in globs)
    return tuple(re.compile(text.encode(), flags | re.DOTALL) for text in texts)


def _shares(weights: Iterable[tuple[str, int]]) -> tuple[tuple[int, str], ...]:
    shares: list[tuple[int, str]] = []
    total = 0
    for arn, weight in weights:
        if weight > 0:
            total += weight
            shares.append((total, arn))
    return tuple(shares)
