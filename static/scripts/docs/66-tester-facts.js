// The figures of a run: status, request id, times, tokens, quota, headers.
(() => {
  "use strict";
  const { tester } = globalThis.smartRoute;
  const { make } = tester;

  const STATUS_WORDS = { 200: "OK" };

  function tokens(usage) {
    if (!usage) return null;
    const input = usage.cached ? `${tester.figure(usage.input)} in (${tester.figure(usage.cached)} cached)` : `${tester.figure(usage.input)} in`;
    const output = usage.reasoning ? `${tester.figure(usage.output)} out (${tester.figure(usage.reasoning)} reasoning)` : `${tester.figure(usage.output)} out`;
    return `${input}, ${output}`;
  }

  function tokensSaid(run) {
    const { request, answer } = run;
    if (request.method === "GET" || run.trouble || answer.usage || !run.over) return tokens(answer.usage);
    if (run.stopped) return "not told: it was stopped before its end";
    const mayAsk = run.streamed && request.route !== "responses" && !request.body.stream_options?.include_usage;
    return mayAsk ? "not told: add stream_options.include_usage" : "not told";
  }

  // An alias above the plan is served by the plan's own; the form offers those up to the plan.
  function modelSaid({ request, answer }) {
    const asked = request.body?.model;
    if (!answer.model || typeof asked !== "string" || asked === answer.model) return answer.model;
    const offered = [...tester.element("model").options].some((option) => option.value === asked);
    return `asked ${asked}, served ${answer.model}${offered ? "" : " (above your plan)"}`;
  }

  function quotaSaid(run) {
    const words = tester.quota.words(run);
    if (words) return make("span", {}, make("strong", {}, words.cost), `: ${words.steps}. ${words.reset}`);
    if (run.settled) return "not known: GET usage did not answer";
    return run.stopped && run.over ? "asking GET usage" : null;
  }

  function idWithCopy(id) {
    const code = make("code", {}, id);
    const copy = tester.button("Copy", async () => {
      copy.textContent = await globalThis.smartRoute.copy(id).then(() => "Copied", () => "Select it by hand");
    }, "link");
    copy.setAttribute("aria-label", "Copy the request id");
    return make("span", { class: "tester-id" }, code, " ", copy);
  }

  function rows(run) {
    const since = (at) => (at === null ? null : tester.duration(at - run.sentAt));
    return [
      ["Status", run.status && `${run.status} ${STATUS_WORDS[run.status] ?? run.trouble?.code ?? ""}`.trim()],
      ["Model", modelSaid(run)],
      ["First output", since(run.firstAt)],
      ["Duration", run.over && run.sentAt !== null ? since(run.endedAt) : null],
      ["Tokens", tokensSaid(run)],
      ["Finish", run.answer.finish],
      ["Quota", quotaSaid(run)],
      ["Request id", run.requestId && idWithCopy(run.requestId)],
    ].filter(([, value]) => value);
  }

  function show(run) {
    const list = tester.element("facts");
    list.replaceChildren(...rows(run).map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
    const box = tester.element("headers");
    box.hidden = !run.headers;
    if (!run.headers) return;
    const all = [...run.headers].map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value)));
    box.querySelector("summary").textContent = `${all.length} response headers`;
    box.querySelector("dl").replaceChildren(...all);
  }

  tester.facts = { show, tokens };
})();
