// Server-sent events, read from bytes as they come; and the events of one run, of which a long stream keeps both ends.
// Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
(() => {
  "use strict";
  const { tester } = globalThis.smartRoute;
  const FIRST_KEPT = 300;
  const LAST_KEPT = 60;

  const encoder = new TextEncoder();

  // feed(bytes) gives the events that are complete: { name, data, comment, bytes }. A comment has no data.
  class EventReader {
    constructor() {
      this.decoder = new TextDecoder();
      this.rest = "";
      this.clear();
    }

    clear() {
      this.name = "";
      this.data = [];
      this.bytes = 0;
    }

    feed(bytes) {
      let text = this.rest + this.decoder.decode(bytes, { stream: true });
      // A carriage return at the end may be half of a line's end.
      const held = text.endsWith("\r") ? "\r" : "";
      if (held) text = text.slice(0, -1);
      const lines = text.split(/\r\n|\n|\r/);
      this.rest = lines.pop() + held;
      const events = [];
      for (const line of lines) this.take(line, events);
      return events;
    }

    take(line, events) {
      const size = encoder.encode(line).length + 1;
      if (line.startsWith(":")) {
        events.push({ name: "comment", data: null, comment: line.slice(1).trim(), bytes: size });
        return;
      }
      this.bytes += size;
      if (line) {
        const [, field, value] = /^([^:]*)(?:: ?)?([^]*)$/.exec(line);
        if (field === "data") this.data.push(value);
        if (field === "event") this.name = value;
        return;
      }
      if (this.data.length) events.push({ name: this.name || "message", data: this.data.join("\n"), comment: null, bytes: this.bytes });
      this.clear();
    }
  }

  class EventLog {
    constructor() {
      this.first = [];
      this.last = [];
      this.total = 0;
      this.bytes = 0;
    }

    add(event) {
      this.total += 1;
      this.bytes += event.bytes;
      if (this.first.length < FIRST_KEPT) {
        this.first.push(event);
        return;
      }
      this.last.push(event);
      if (this.last.length >= 2 * LAST_KEPT) this.last.splice(0, LAST_KEPT);
    }

    // The last ones that are kept, and how many between both ends are not.
    end() {
      const last = this.last.slice(-LAST_KEPT);
      return { last, leftOut: this.total - this.first.length - last.length };
    }
  }

  tester.events = { EventReader, EventLog };
})();
