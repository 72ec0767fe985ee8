"""Pages leave as gzip for browsers that take it: they are long and repeat themselves."""

from __future__ import annotations

import gzip
import io
import secrets

from flask import Response

LEVEL = 5  # 80 KB in about a millisecond
MOST_PADDING = 100
WORTH_IT_BYTES = 1_000


def pack(response: Response) -> None:
    """Compress a page in place; its length no longer tells what is in it.

    A page may hold a secret beside something that came with the address, and the length of the two compressed
    together would betray the secret in many tries. The file name in gzip's header, which nobody reads, adds a
    length by chance. Source: https://ieeexplore.ieee.org/document/9754554 ("Heal the Breach"). The secrets
    themselves help: the signature of a form's token is another one each second, and a service token is whole
    only in answers to forms, which repeat nothing of the address.
    """
    body = response.get_data()
    if len(body) < WORTH_IT_BYTES or "Content-Encoding" in response.headers:
        return
    packed = io.BytesIO()
    padding = "a" * secrets.randbelow(MOST_PADDING + 1)
    with gzip.GzipFile(padding, "wb", LEVEL, packed, mtime=0) as file:
        file.write(body)
    response.set_data(packed.getvalue())
    response.headers["Content-Encoding"] = "gzip"
