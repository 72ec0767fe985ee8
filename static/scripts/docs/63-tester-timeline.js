// The thin line above the answer: sent, first output, end, with their milliseconds. Served as an SVG, moved by script.
(() => {
  "use strict";
  const { tester } = globalThis.smartRoute;

  const anchorAt = (share) => (share < 18 ? "start" : share > 82 ? "end" : "middle");

  function show(run) {
    const line = tester.element("timeline");
    line.classList.toggle("unsent", !run?.sentAt);
    if (!run?.sentAt) return;
    const end = (run.endedAt ?? performance.now()) - run.sentAt;
    const first = run.firstAt === null ? null : run.firstAt - run.sentAt;
    const share = first === null ? 100 : Math.min(100, (100 * first) / Math.max(end, 0.1));
    const part = (name) => line.querySelector(`.timeline-${name}`);
    part("waiting").setAttribute("x2", `${share}%`);
    part("output").setAttribute("x1", `${share}%`);
    part("first").setAttribute("cx", `${share}%`);
    part("first").classList.toggle("absent", first === null);
    const said = part("first-label");
    said.setAttribute("x", `${share}%`);
    said.setAttribute("text-anchor", anchorAt(share));
    said.textContent = first === null ? "" : `first output ${tester.duration(first)}`;
    const over = run.stopped ? "stopped" : run.trouble ? "failed" : "end";
    part("end-label").textContent = run.over ? `${over} ${tester.duration(end)}` : tester.duration(end);
    line.setAttribute("aria-label", spoken(run, first, end));
  }

  function spoken(run, first, end) {
    const parts = ["Sent at 0 ms"];
    if (first !== null) parts.push(`first output after ${tester.duration(first)}`);
    if (run.over) parts.push(`ended after ${tester.duration(end)}`);
    return parts.join(", ");
  }

  tester.timeline = { show };
})();
