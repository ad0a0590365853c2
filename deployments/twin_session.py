"""Keep a twin up for other terminals."""

import threading

from rich.console import Console

from deployments.endpoint import published
from deployments.twin.slack import Person
from deployments.twin.stack import Twin, Wish

PERSON = "U0TWINPERSON"


def keep_twin(version: str, fault: str, console: Console) -> int:
    """Run a twin until Ctrl-C; nothing of it is left."""
    wish = Wish(version, fault, Person(PERSON, decision="silent"))
    with Twin(wish, told=lambda text: console.print(f"  {text}")) as twin, published(twin.environment):
        console.print(f"API      {twin.url}")
        console.print(f"site     {twin.vercel.site_url}")
        console.print(f"Prefect  {twin.prefect.ui_url if twin.prefect else 'off'}")
        console.print(f"release to it with: greenflow release {version} --environment rehearsal")
        console.print("Ctrl-C ends it")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            console.print("stopping")
    return 0
