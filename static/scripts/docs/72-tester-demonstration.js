// A tool call, played through: the model asks for the time somewhere, this browser looks it up when the member presses
// the button, and the continuation brings the result back without counting.
(() => {
  "use strict";
  const { tester } = globalThis.smartRoute;

  const NAME = "get_time";
  const ZONE = "Asia/Tokyo";
  const PARAMETERS = {
    type: "object",
    properties: { time_zone: { type: "string", enum: [ZONE, "Europe/Paris", "America/New_York", "UTC"] } },
    required: ["time_zone"],
    additionalProperties: false,
  };
  const DESCRIPTION = "Tell the present time in a time zone";
  const QUESTION = "What time is it in Tokyo? Call get_time, then answer in one sentence.";

  // Only the demo upstream knows words in double brackets; a real model is told by tool_choice that it must call.
  const question = () => (tester.root.dataset.demo ? `${QUESTION} [[tool ${NAME} {"time_zone": "${ZONE}"}]]` : QUESTION);
  const choice = () => (tester.root.dataset.demo ? {} : { tool_choice: "required" });

  const dialects = {
    "chat/completions": {
      begin: () => ({
        messages: [{ role: "user", content: question() }],
        tools: [{ type: "function", function: { name: NAME, description: DESCRIPTION, parameters: PARAMETERS } }],
        ...choice(),
      }),
      goOn: (body, answer, results) => ({
        messages: [
          ...body.messages,
          {
            role: "assistant",
            content: answer.parts[0]?.text || null,
            tool_calls: answer.calls.map((call) => ({ id: call.id, type: "function", function: { name: call.name, arguments: call.input } })),
          },
          ...results.map(({ call, output }) => ({ role: "tool", tool_call_id: call.id, content: output })),
        ],
      }),
    },
    responses: {
      begin: () => ({
        input: [{ role: "user", content: question() }],
        tools: [{ type: "function", name: NAME, description: DESCRIPTION, parameters: PARAMETERS }],
        store: false,
        ...choice(),
      }),
      goOn: (body, answer, results) => ({
        input: [
          ...body.input,
          ...(answer.output ?? []),
          ...results.map(({ call, output }) => ({ type: "function_call_output", call_id: call.id, output })),
        ],
      }),
    },
  };

  // The route that shows it: the chosen one where it has tools.
  const routeFor = (chosen) => (chosen in dialects ? chosen : "chat/completions");

  function requestOf(route, body) {
    return { ...tester.requests.request(route, JSON.stringify(body, null, 2)), demonstration: true };
  }

  function begin(chosen, { model, stream }) {
    const route = routeFor(chosen);
    const streamed = stream ? tester.requests.routes[route].streamed : {};
    return requestOf(route, { model, ...dialects[route].begin(), ...streamed });
  }

  function timeIn(input) {
    try {
      const zone = JSON.parse(input).time_zone;
      const time = new Intl.DateTimeFormat("en-GB", { timeZone: zone, dateStyle: "full", timeStyle: "medium" }).format();
      return JSON.stringify({ time_zone: zone, time });
    } catch (fault) {
      return JSON.stringify({ error: String(fault.message) });
    }
  }

  // What stands under the answer of a demonstration: the button, or how it ended.
  function show(run, goOn) {
    const box = tester.element("next");
    box.replaceChildren();
    box.hidden = !(run?.request.demonstration && run.over && !run.trouble && !run.stopped);
    if (box.hidden) return;
    const { make } = tester;
    const { calls } = run.answer;
    if (run.request.results) {
      const free = tester.quota.words(run);
      const cost = free ? `This continuation ${free.cost}.` : "The quota could not be read.";
      box.append(make("h4", {}, "The result went back"), resultList(run.request.results), make("p", {}, cost));
      return;
    }
    if (!calls.length) {
      box.append(make("p", {}, "The model answered without calling the tool. Press the button again, or choose another model."));
      return;
    }
    const back = tester.button("Return the result", () => {
      const results = calls.map((call) => ({ call, output: timeIn(call.input) }));
      const { tool_choice, ...body } = run.request.body; // it must not be made to call again
      goOn({ ...requestOf(run.request.route, { ...body, ...dialects[run.request.route].goOn(body, run.answer, results) }), results });
    }, "");
    const said = "The model waits for the result. Your browser runs the tool, and the same turn goes on: nothing more is counted.";
    box.append(make("h4", {}, `${NAME} is yours to run`), make("p", {}, said), back);
    back.id = "try-return";
  }

  function resultList(results) {
    const { make } = tester;
    return make("pre", { tabindex: "0", "aria-label": "Results" }, results.map(({ call, output }) => `${call.name}: ${output}`).join("\n"));
  }

  tester.demonstration = { begin, show };
})();
