// One form for the answers of all routes, streamed or whole: text, reasoning, refusals, tool calls, usage, error.
(() => {
  "use strict";
  const { tester } = globalThis.smartRoute;

  function newAnswer() {
    return {
      begun: false, // output has come: content, reasoning, a refusal or a call
      ended: false, // its own last event has come
      model: null,
      reasoning: "",
      parts: [], // one a choice: { text, refusal }
      calls: [], // { id, name, input, custom, key }
      usage: null,
      finish: null,
      error: null,
      output: null, // items of a response, for its continuation
      models: null,
    };
  }

  const textOf = (content) => {
    if (typeof content === "string") return content;
    if (!Array.isArray(content)) return "";
    return content.map((part) => part?.text ?? part?.refusal ?? "").join("");
  };

  function part(answer, index) {
    const place = Number.isInteger(index) && index >= 0 && index < 128 ? index : 0;
    while (answer.parts.length <= place) answer.parts.push({ text: "", refusal: "" });
    return answer.parts[place];
  }

  function add(answer, holder, name, text) {
    if (!text) return;
    holder[name] += text;
    answer.begun = true;
  }

  function callOf(answer, key, fresh = {}) {
    let call = answer.calls.find((each) => each.key === key);
    if (!call) {
      call = { key, id: null, name: "", input: "", custom: false };
      answer.calls.push(call);
      answer.begun = true;
    }
    for (const [name, value] of Object.entries(fresh)) if (value) call[name] = value;
    return call;
  }

  function readUsage(answer, usage) {
    if (!tester.requests.isRecord(usage)) return;
    const input = usage.prompt_tokens ?? usage.input_tokens;
    const output = usage.completion_tokens ?? usage.output_tokens;
    const inside = usage.prompt_tokens_details ?? usage.input_tokens_details;
    const outside = usage.completion_tokens_details ?? usage.output_tokens_details;
    answer.usage = {
      input: input ?? 0, output: output ?? 0,
      cached: inside?.cached_tokens ?? 0, reasoning: outside?.reasoning_tokens ?? 0,
    };
  }

  function readChoices(answer, body, whole) {
    answer.model = body.model ?? answer.model;
    readUsage(answer, body.usage);
    for (const choice of Array.isArray(body.choices) ? body.choices : []) {
      const holder = part(answer, choice.index);
      const piece = choice.delta ?? choice.message ?? { content: choice.text };
      add(answer, answer, "reasoning", piece.reasoning_content);
      add(answer, holder, "text", textOf(piece.content));
      add(answer, holder, "refusal", piece.refusal);
      (piece.tool_calls ?? []).forEach((given, place) => {
        const call = callOf(answer, `${choice.index}:${given.index ?? place}`, {
          id: given.id, name: given.function?.name ?? given.custom?.name, custom: given.type === "custom",
        });
        call.input += given.function?.arguments ?? given.custom?.input ?? "";
      });
      answer.finish = choice.finish_reason ?? answer.finish;
    }
    if (whole) answer.begun = true;
  }

  const RESPONSE_DELTAS = {
    "response.output_text.delta": (answer, event) => add(answer, part(answer, 0), "text", event.delta),
    "response.refusal.delta": (answer, event) => add(answer, part(answer, 0), "refusal", event.delta),
    "response.reasoning_text.delta": (answer, event) => add(answer, answer, "reasoning", event.delta),
    "response.reasoning_summary_text.delta": (answer, event) => add(answer, answer, "reasoning", event.delta),
    "response.function_call_arguments.delta": readCallDelta,
    "response.custom_tool_call_input.delta": readCallDelta,
    "response.output_item.added": (answer, event) => readCallItem(answer, event.item, event.output_index),
    "response.output_item.done": (answer, event) => readCallItem(answer, event.item, event.output_index),
  };

  function readCallDelta(answer, event) {
    callOf(answer, event.output_index).input += event.delta ?? "";
  }

  function readCallItem(answer, item, place) {
    const custom = item?.type === "custom_tool_call";
    if (!custom && item?.type !== "function_call") return;
    callOf(answer, place, { id: item.call_id, name: item.name, custom, input: item.arguments ?? item.input });
  }

  function readResponseEvent(answer, event) {
    RESPONSE_DELTAS[event.type]?.(answer, event);
    if (event.type === "error") answer.error = event.error ?? event;
    if (!["response.completed", "response.incomplete", "response.failed"].includes(event.type)) return;
    answer.ended = true;
    readResponseEnd(answer, event.response ?? {});
  }

  function readResponseEnd(answer, response) {
    answer.model = response.model ?? answer.model;
    answer.finish = response.incomplete_details?.reason ?? response.status ?? null;
    answer.output = response.output ?? null;
    answer.error = response.error ?? answer.error;
    readUsage(answer, response.usage);
  }

  function readWholeResponse(answer, body) {
    (body.output ?? []).forEach((item, place) => {
      if (item.type === "reasoning") add(answer, answer, "reasoning", textOf(item.summary) || textOf(item.content));
      for (const piece of item.type === "message" ? item.content ?? [] : []) {
        add(answer, part(answer, 0), "text", piece.text);
        add(answer, part(answer, 0), "refusal", piece.refusal);
      }
      readCallItem(answer, item, place);
    });
    answer.begun = true;
    readResponseEnd(answer, body);
  }

  // Takes the next event of a stream, parsed.
  function readEvent(routeName, answer, event) {
    if (!tester.requests.isRecord(event)) return;
    if (routeName === "responses") return readResponseEvent(answer, event);
    if (event.error) answer.error = event.error;
    return readChoices(answer, event, false);
  }

  // Takes a whole answer, parsed.
  function readWhole(routeName, answer, body) {
    answer.ended = true;
    if (!tester.requests.isRecord(body)) return;
    if (body.error) answer.error = body.error;
    else if (routeName === "models") answer.models = Array.isArray(body.data) ? body.data : [];
    else if (routeName === "responses") readWholeResponse(answer, body);
    else readChoices(answer, body, true);
  }

  tester.answer = { newAnswer, readEvent, readWhole };
})();
