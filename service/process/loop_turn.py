"""The turns of the event loop: between any two it looks at every socket and every timer."""

from __future__ import annotations

import gevent


def let_others_go_first() -> None:
    """Return in the loop's next turn. After ``gevent.sleep(0)`` up to fifty may go on in the same one."""
    hub = gevent.get_hub()
    with hub.loop.timer(0) as next_turn:
        hub.wait(next_turn)
