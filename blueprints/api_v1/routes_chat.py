"""``POST chat/completions``."""

from __future__ import annotations

from flask import Response

from .blueprint import bp
from .continuations import chat_result_ids
from .exchange_chat import ChatExchanges
from .routes_call import answer, call_of, caller_and_body
from .schemas import check_chat


@bp.post("/chat/completions")
def create_chat_completion() -> Response:
    """Answer a chat, whole or streamed."""
    who, body = caller_and_body()
    check_chat(body)
    call = call_of(who, body, "chat/completions", "chatcmpl-", body["messages"])
    return answer(who, call, chat_result_ids(body["messages"]), lambda new_call_id: ChatExchanges(call, new_call_id))
