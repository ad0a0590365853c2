"""Show the stand-in's channel in a browser, and let whoever looks press its buttons in the person's place."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from flows.core.markup import Markup, fragment, tag

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from starlette.requests import Request

    from deployments.twin.slack_channel import Message
    from deployments.twin.slack_people import People

SEE_OTHER = 303
MENTION = re.compile(r"<@(\w+)>")

STYLE = Markup("""
:root { color-scheme: light dark; --line: #8884; --soft: #888; --good: #0f7a3f; --bad: #c01f2e; }
body { font: 15px/1.45 system-ui, "Noto Sans KR", sans-serif; margin: 0 auto; max-width: 780px; padding: 16px; }
h1 { font-size: 1.15rem; margin: 0; }
.soft { color: var(--soft); font-size: .86rem; margin: 0; }
article { border-top: 1px solid var(--line); padding: 10px 0; overflow-wrap: anywhere; white-space: pre-line; }
article.reply { margin-left: 28px; }
article.private { border-left: 3px solid var(--line); padding-left: 10px; font-style: italic; }
article p { margin: 2px 0; }
form { display: inline-block; margin: 6px 8px 0 0; }
button { font: inherit; padding: 5px 14px; border: 1px solid var(--line); border-radius: 6px; cursor: pointer; }
button.primary { background: var(--good); color: #fff; }
button.danger { background: var(--bad); color: #fff; }
dialog { font: inherit; border: 1px solid var(--line); border-radius: 10px; width: min(480px, 90vw); top: 20vh;
  box-shadow: 0 8px 40px #0006; }
textarea { font: inherit; width: 100%; box-sizing: border-box; }
""")
SCRIPT = Markup("""
setInterval(async () => {
  if (document.querySelector("dialog")) return;
  const page = new DOMParser().parseFromString(await (await fetch("/")).text(), "text/html");
  const before = document.querySelector("main"), now = page.querySelector("main");
  if (before.innerHTML !== now.innerHTML) before.replaceWith(now);
}, 1000);
addEventListener("submit", event => {
  const sure = event.target.dataset.sure;
  if (sure && !confirm(sure)) event.preventDefault();
});
""")


class SlackPage:
    """Serve one page: the channel as the person sees it, and the form that a button of theirs has opened."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._done: set[str] = set()
        self.routes = [
            Route("/", self._show),
            Route("/press", self._press, methods=["POST"]),
            Route("/submit", self._submit, methods=["POST"]),
        ]

    async def _show(self, _: Request) -> Response:
        identity, me = self._people.workspace.identity, self._people.person.user_id
        head = tag("head", tag("meta", charset="utf-8"), tag("title", "Slack"), tag("style", STYLE))
        about = f"A stand-in for Slack, on this machine alone. You press as {self._name(me)}."
        top = [tag("h1", f"# {identity.channel_name}"), tag("p", about, class_="soft")]
        main = tag("main", *top, *(self._message(one, me) for one in self._messages(me)), self._open_form(me))
        page = tag("html", head, tag("body", main, tag("script", SCRIPT)), lang="en")
        return HTMLResponse(f"<!doctype html>{page}")

    async def _press(self, request: Request) -> Response:
        sent = await _sent(request)
        await run_in_threadpool(self._pressed, sent["ts"], sent["action"])
        return RedirectResponse("/", SEE_OTHER)

    async def _submit(self, request: Request) -> Response:
        sent = await _sent(request)
        view, text = sent["view"], sent.get("text", "")
        opened = next((one for one in self._people.workspace.views if one["view"]["id"] == view), None)
        if opened is not None and view not in self._done:
            self._done.add(view)
            if text:
                await run_in_threadpool(self._people.submit, opened, text)
        return RedirectResponse("/", SEE_OTHER)

    def _pressed(self, ts: str, action: str) -> None:
        try:
            self._people.click(ts, action, self._people.person.user_id)
        except LookupError:
            return  # somebody else was quicker: the page shows the answer

    def _messages(self, me: str) -> list[Message]:
        """Give what this person sees, each thread below its message, in the order it was written."""
        space = self._people.workspace
        seen = [*space.messages, *(one for one in space.ephemerals if one["for_user"] == me)]
        return sorted(seen, key=lambda one: (float(one.get("thread_ts") or one["ts"]), float(one["ts"])))

    def _message(self, message: Message, me: str) -> Markup:
        at = f"{datetime.fromtimestamp(float(message['ts']), UTC):%H:%M:%S} UTC"
        kind = "reply" if message.get("thread_ts") not in {None, message["ts"]} else ""
        private = f" · only {self._name(me)} sees this" if "for_user" in message else ""
        blocks = [part for block in message["blocks"] for part in self._block(message["ts"], block)]
        shown = blocks or [tag("p", self._text(message["text"]))]
        head = tag("p", f"greenflow_release · {at}{private}", class_="soft")
        return tag("article", head, *shown, class_=f"{kind} {'private' if private else ''}".strip() or None)

    def _block(self, ts: str, block: Mapping[str, Any]) -> Iterator[Markup]:
        if "text" in block:
            yield tag("p", self._text(block["text"]))
        for element in block.get("elements", []):
            if element["type"] == "button":
                yield self._button(ts, element)
            else:
                yield tag("p", self._text(element), class_="soft")

    def _button(self, ts: str, button: Mapping[str, Any]) -> Markup:
        label = self._text(button["text"])
        if "url" in button:
            return tag("form", tag("button", label), action=button["url"], target="_blank")
        hidden = [_hidden("ts", ts), _hidden("action", button["action_id"])]
        sure = self._text(button["confirm"]["text"]) if "confirm" in button else None
        pressed = tag("button", label, class_=button.get("style"))
        return tag("form", *hidden, pressed, method="post", action="/press", data_sure=sure)

    def _open_form(self, me: str) -> Markup:
        views = self._people.workspace.views
        opened = [one["view"] for one in views if one["user"] == me and one["view"]["id"] not in self._done]
        return fragment(self._view(view) for view in opened[-1:])

    def _view(self, view: Mapping[str, Any]) -> Markup:
        labels = [tag("label", self._text(one["label"])) for one in view["blocks"] if one["type"] == "input"]
        text = tag("textarea", name="text", rows="3", required="required", autofocus="autofocus")
        send = tag("button", self._text(view["submit"]), class_="primary")
        form = tag("form", _hidden("view", view["id"]), *labels, text, send, method="post", action="/submit")
        close = tag("button", self._text(view["close"]))
        leave = tag("form", _hidden("view", view["id"]), close, method="post", action="/submit")
        return tag("dialog", tag("h1", self._text(view["title"])), form, leave, open="open")

    def _text(self, holder: str | Mapping[str, Any]) -> str:
        text = holder if isinstance(holder, str) else str(holder.get("text", ""))
        return MENTION.sub(lambda found: f"@{self._name(found[1])}", text)

    def _name(self, user: str) -> str:
        member = self._people.workspace.members.get(user)
        return member.name if member else user


async def _sent(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode()))


def _hidden(name: str, value: str) -> Markup:
    return tag("input", type="hidden", name=name, value=value)
