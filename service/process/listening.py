"""Closing a listening socket so that no connection is lost: the kernel resets those that nobody has accepted yet.

Before the socket is closed it stops taking new connections while those that are being made are finished. What comes
meanwhile is not answered, which its sender repeats after a second; by then the port is closed, and refuses, so that
a load balancer tries the next machine without having sent anything.

Source: socket(7), SO_ATTACH_FILTER; https://www.kernel.org/doc/html/latest/networking/filter.html
"""

from __future__ import annotations

import contextlib
import ctypes
import socket
import struct
import sys
import time
from collections.abc import Iterable
from typing import Any

FINISH_S = 0.1  # many times a round trip between neighbouring machines

_SO_ATTACH_FILTER = 26
_SYN_ALONE = [  # code, jump if true, jump if false, operand; byte 13 of a TCP header holds its flags
    (0x30, 0, 0, 13),  # load it
    (0x54, 0, 0, 0x12),  # keep SYN and ACK
    (0x15, 0, 1, 0x02),  # SYN alone: a new connection
    (0x06, 0, 0, 0),  # drop it
    (0x06, 0, 0, 0xFFFFFFFF),  # pass anything else
]


def take_no_more(listeners: Iterable[Any]) -> None:
    """Let the connections that are being made be finished, and ignore further ones; of TCP on Linux alone.

    Every process that shares the socket is meant: only who ends the service for all of them may call this.
    """
    if not sys.platform.startswith("linux"):
        return
    code = b"".join(struct.pack("=HBBI", *line) for line in _SYN_ALONE)
    kept = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("@HP", len(_SYN_ALONE), ctypes.addressof(kept))
    for listener in listeners:
        with contextlib.suppress(OSError):  # then it is closed as it is
            if isinstance(listener.getsockname(), tuple):  # not a path
                listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
    time.sleep(FINISH_S)
