// The raw view: each event with its time since sending, its name and its bytes; of a long stream, both ends.
(() => {
  "use strict";
  const { tester } = globalThis.smartRoute;
  const { make } = tester;
  const EVENT_SHOWN = 4000; // characters
  const WHOLE_SHOWN = 100_000;

  const cropped = (text, most) =>
    text.length > most ? `${text.slice(0, most)} … ${tester.count(text.length - most, "more character")}` : text;

  function row(event) {
    const about = make("span", { class: "tester-about" },
      make("span", { class: "tester-at" }, tester.duration(event.at)),
      make("span", {}, event.name),
      make("span", {}, `${tester.figure(event.bytes)} B`));
    return make("li", {}, about, make("code", {}, cropped(event.data ?? `: ${event.comment}`, EVENT_SHOWN)));
  }

  class RawView {
    constructor(box, run) {
      this.box = box;
      this.run = run;
      this.shown = 0;
      this.ended = false;
      this.list = make("ol", { class: "tester-events" });
      this.more = make("p", { class: "quiet tester-left-out" });
      this.tail = make("ol", { class: "tester-events" });
      box.replaceChildren(this.list, this.more, this.tail);
    }

    update() {
      const { log, whole, over } = this.run;
      const fresh = log.first.slice(this.shown).map(row);
      this.list.append(...fresh);
      this.shown += fresh.length;
      const { last, leftOut } = log.end();
      const hidden = over ? leftOut : log.total - this.shown;
      this.more.textContent = hidden ? `${tester.count(hidden, "event")} ${over ? "left out here" : "more so far; the last ones come at the end"}` : "";
      if (!over || this.ended) return;
      this.ended = true;
      this.tail.append(...last.map(row));
      if (whole !== null) this.box.append(make("pre", { class: "tester-whole" }, cropped(indented(whole), WHOLE_SHOWN)));
      else this.box.append(make("p", { class: "quiet" }, `${tester.count(log.total, "event")}, ${tester.count(this.run.bytes, "byte")}`));
    }
  }

  function indented(text) {
    try {
      return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      return text;
    }
  }

  tester.RawView = RawView;
})();
