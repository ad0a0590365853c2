"""The event loop of the twin's own processes."""

import asyncio


def new_loop() -> asyncio.AbstractEventLoop:
    """Make the fastest event loop there is: uvloop does not exist on Windows."""
    try:
        import uvloop  # noqa: PLC0415  optional
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
