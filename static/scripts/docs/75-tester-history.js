// What was sent in this visit, newest first; kept in memory alone and gone with the page.
(() => {
  "use strict";
  const { tester } = globalThis.smartRoute;
  const { make, state } = tester;
  const KEPT = 30;

  function add(run) {
    state.history.unshift(run);
    state.history.length = Math.min(state.history.length, KEPT);
  }

  function outcome(run) {
    if (run.stopped) return "stopped";
    if (run.status === null) return "no answer";
    return run.trouble && run.status === 200 ? `200, ${run.trouble.kind === "cut" ? "cut" : "failed"}` : String(run.status);
  }

  function row(run, open) {
    const time = run.startedAt.toLocaleTimeString("en-GB");
    const { method, route, demonstration, results } = run.request;
    const called = `${method} ${route}${results ? ", the result" : demonstration ? ", a tool" : ""}`;
    const again = tester.button(time, () => open(run), "link");
    again.setAttribute("aria-label", `Show ${called} of ${time} again`);
    const sent = run.sentAt === null ? "" : tester.duration(run.endedAt - run.sentAt);
    const cells = [
      called,
      run.answer.model ?? run.request.body?.model ?? "",
      outcome(run),
      sent,
      run.answer.usage ? tester.figure(run.answer.usage.input + run.answer.usage.output) : "",
    ];
    const made = make("tr", {}, make("td", {}, again));
    cells.forEach((text, place) => made.append(make("td", place > 2 ? { class: "number" } : {}, text)));
    if (run === state.shown) made.setAttribute("aria-current", "true");
    return made;
  }

  function show(open) {
    const body = tester.element("history").querySelector("tbody");
    // The button that was pressed is made anew: whoever stands on it stays there.
    const held = [...body.rows].findIndex((each) => each.contains(document.activeElement));
    body.replaceChildren(...state.history.map((run) => row(run, open)));
    body.rows[held]?.querySelector("button").focus();
    tester.element("history").hidden = !state.history.length;
    tester.element("no-history").hidden = Boolean(state.history.length);
  }

  tester.history = { add, show };
})();
