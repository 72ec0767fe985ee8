// The live tester: what its parts share. Each part is a block of its own that hangs its functions on
// globalThis.smartRoute.tester; 89-tester.js puts them together where the page has a tester.
(() => {
  "use strict";
  const house = (globalThis.smartRoute ??= {});
  const root = document.querySelector("[data-tester]");

  // Everything of this visit, in memory alone: `run` is under way, `shown` is in the answer panel.
  const state = { way: "simple", run: null, shown: null, history: [], demonstration: null };

  const element = (name) => document.getElementById(`try-${name}`);

  // Text always goes in as text: nothing that a model writes is ever read as markup.
  function make(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  function button(label, onPress, kind = "plain") {
    const made = make("button", { type: "button", class: kind }, label);
    made.addEventListener("click", onPress);
    return made;
  }

  const figure = (number) => number.toLocaleString("en-GB");

  // 812 ms, 1,204 ms, 12.3 s
  const duration = (ms) => (ms < 10_000 ? `${figure(Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`);

  const count = (number, one, many = `${one}s`) => `${figure(number)} ${number === 1 ? one : many}`;

  // A moment in the service's time zone, which the page names everywhere.
  function moment(unixSeconds) {
    const form = {
      timeZone: root.dataset.zone, weekday: "long", day: "numeric", month: "long", hour: "2-digit", minute: "2-digit",
    };
    return `${new Intl.DateTimeFormat("en-GB", form).format(unixSeconds * 1000)} ${root.dataset.zone}`;
  }

  function untilThen(unixSeconds) {
    const minutes = Math.max(1, Math.round((unixSeconds * 1000 - Date.now()) / 60_000));
    const parts = [[Math.floor(minutes / 1440), "d"], [Math.floor(minutes / 60) % 24, "h"], [minutes % 60, "min"]];
    return `in ${parts.filter(([number]) => number).slice(0, 2).map((part) => part.join(" ")).join(" ")}`;
  }

  // The page's one voice for screen readers: short, at turns alone, never the streamed text itself.
  function say(text) {
    element("status").textContent = text;
  }

  house.tester = { root, state, element, make, button, figure, duration, count, moment, untilThen, say };
})();
