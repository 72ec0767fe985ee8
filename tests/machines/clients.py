"""Many clients that ask again and again, whole and streamed, and remember every answer that was not whole."""

from __future__ import annotations

import json
import threading
import time
from types import TracebackType
from typing import Any

import requests

WHOLE = {"messages": [{"role": "user", "content": "[[delay 0.2]] hello"}]}
STREAM = {"stream": True, "messages": [{"role": "user", "content": "[[tokens 20]] [[pace 60]]"}]}
RESPONSES = {"stream": True, "store": True, "input": "[[tokens 20]] [[pace 60]]"}


class Clients:
    """``with Clients(...) as clients``: they run for the block; ``failures`` and ``answered`` tell how it went."""

    def __init__(self, api: str, token: str, count: int = 42) -> None:
        self._api = api
        self._headers = {"Authorization": f"Bearer {token}"}
        self._ends = threading.Event()
        self._lock = threading.Lock()
        self.answered = 0
        self.failures: list[str] = []
        kinds = [self._whole, self._stream, self._responses]
        self._threads = [threading.Thread(target=self._run, args=(kinds[n % 3], n % 2 == 0)) for n in range(count)]

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
            time.sleep(0.01)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join(60)

    def have(self, count: int) -> bool:
        """Tell whether so many answers were whole by now."""
        return self.answered >= count

    def _run(self, ask: Any, keeps_connection: bool) -> None:
        with requests.Session() as session:
            while not self._ends.is_set():
                try:
                    trouble = ask(session)
                except requests.RequestException as error:
                    trouble = f"{ask.__name__}: {error!r}"
                if not keeps_connection:
                    session.close()
                with self._lock:
                    if trouble:
                        self.failures.append(f"{time.strftime('%X')} {trouble}")
                    else:
                        self.answered += 1

    def _post(self, session: requests.Session, path: str, body: Any) -> requests.Response:
        return session.post(f"{self._api}/{path}", json=body, headers=self._headers, timeout=60)

    def _whole(self, session: requests.Session) -> str:
        answer = self._post(session, "chat/completions", WHOLE)
        return "" if answer.status_code == 200 and answer.json()["choices"] else f"{answer.status_code} {answer.text}"

    def _stream(self, session: requests.Session) -> str:
        answer = self._post(session, "chat/completions", STREAM)
        whole = answer.status_code == 200 and answer.text.endswith("data: [DONE]\n\n") and '"error"' not in answer.text
        return "" if whole else f"{answer.status_code} stream cut: {answer.text[-300:]}"

    def _responses(self, session: requests.Session) -> str:
        answer = self._post(session, "responses", RESPONSES)
        lines = [line for line in answer.text.splitlines() if line.startswith("data: {")]
        whole = answer.status_code == 200 and lines and json.loads(lines[-1][6:])["type"] == "response.completed"
        return "" if whole else f"{answer.status_code} response cut: {answer.text[-300:]}"


def used(api: str, token: str) -> int:
    """How many prompts the day has counted."""
    answer = requests.get(f"{api}/usage", headers={"Authorization": f"Bearer {token}"}, timeout=20)
    return int(answer.json()["day"]["used"])
