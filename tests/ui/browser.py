"""A real browser for the tests: the machine's own Chromium, driven by playwright, never one that was downloaded."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Locator, Page, expect, sync_playwright

from tasks.clients.lighthouse import find_browser

WIDTH, HEIGHT = 1280, 900
PATIENCE_MS = 120_000
NO_BROWSER = "no Chromium on this machine: apt-get install chromium"
SETTLE_MS = 4_000
"""How long a page takes until its movements are over."""
QUALITY = 0.8
TO_WEBP = """async ([png, quality]) => {
  const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
  const canvas = Object.assign(document.createElement("canvas"), {width: image.width, height: image.height});
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.toDataURL("image/webp", quality).split(",")[1];
}"""


@contextmanager
def browsing(program: str) -> Iterator[Page]:
    """Open a browser with one page; what it asks a person to confirm is confirmed."""
    with sync_playwright() as playwright:
        # Chromium has no sandbox for root, and a container's /dev/shm is small.
        arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        page = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}).new_page()
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        page.on("dialog", lambda dialog: dialog.accept())
        try:
            yield page
        finally:
            browser.close()


def machines_browser() -> str:
    """Return the machine's own Chromium, or nothing."""
    return find_browser("") or ""


def input_of(page: Page, title: str) -> Locator:
    """Find the input of a form's field by its title."""
    return page.locator(".p-label", has_text=title).locator("textarea, input").first


class Camera:
    """Take pictures for the README, small ones, where a folder is given."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def shoot(self, page: Page, name: str) -> None:
        if self._folder is None:
            return
        page.wait_for_timeout(SETTLE_MS)
        png = base64.b64encode(page.screenshot()).decode()
        blank = page.context.new_page()
        webp = base64.b64decode(blank.evaluate(TO_WEBP, [png, QUALITY]))
        blank.close()
        (self._folder / f"{name}.webp").write_bytes(webp)
