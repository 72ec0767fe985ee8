"""Nothing of a conversation is stored behind the deletion of its account."""

from __future__ import annotations

import threading
from typing import Any

from tests.harness.processes import wait_until
from tests.responses.client import Responses


def test_answer_that_comes_after_the_account_is_gone_is_not_stored(responses_gateway: Any) -> None:
    account = responses_gateway.account()
    api = Responses(responses_gateway, account["token"])
    answers: list[Any] = []
    asking = threading.Thread(target=lambda: answers.append(api.post(input="[[delay 4]] [[reply late]]")))
    asking.start()
    [member] = api.rows("accounts", email=account["email"])
    wait_until("the request is admitted", lambda: api.rows("usage_log", account_id=member["id"]))
    assert responses_gateway.flask("accounts", "delete", account["email"]).returncode == 0
    asking.join()
    assert answers[0].status_code == 200
    again = responses_gateway.account(account["email"])
    reader = Responses(responses_gateway, again["token"])
    assert reader.get(answers[0].json()["id"]).status_code == 404
