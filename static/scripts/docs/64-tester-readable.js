// The readable view: text as it comes, reasoning apart, refusals, tool calls as cards, models as a table.
(() => {
  "use strict";
  const { tester } = globalThis.smartRoute;
  const { make } = tester;

  // Shows one run; update() adds only what has come since, so that a long stream costs the page little.
  class ReadableView {
    constructor(box, run) {
      this.box = box;
      this.run = run;
      this.flows = new Map();
      this.cards = new Map();
      box.replaceChildren();
    }

    update() {
      const { answer } = this.run;
      this.flow("reasoning", "Reasoning", "reasoning", answer.reasoning);
      answer.parts.forEach((part, place) => {
        const heading = answer.parts.length > 1 ? `Choice ${place + 1}` : null;
        this.flow(`text-${place}`, heading, "text", part.text);
        this.flow(`refusal-${place}`, "Refusal", "refusal", part.refusal);
      });
      for (const call of answer.calls) this.card(call);
      if (this.run.over) this.finish(answer);
    }

    // A text that grows: its new end is put behind what is there already.
    flow(key, heading, kind, text) {
      if (!text) return;
      let flow = this.flows.get(key);
      if (!flow) {
        const node = document.createTextNode("");
        const block = make("div", { class: `tester-flow ${kind}` });
        if (heading) block.append(make("h4", {}, heading));
        block.append(make("div", { class: "tester-text", dir: "auto" }, node));
        this.box.append(block);
        flow = { node, shown: 0 };
        this.flows.set(key, flow);
      }
      if (text.length > flow.shown) flow.node.appendData(text.slice(flow.shown));
      flow.shown = text.length;
    }

    card(call) {
      let card = this.cards.get(call);
      if (!card) {
        const name = make("strong", { class: "tester-name" });
        const input = make("pre", { tabindex: "0", "aria-label": "Arguments" });
        const block = make("div", { class: "tester-call" }, make("h4", {}, "Tool call ", name), input);
        const id = make("p", { class: "quiet" });
        block.append(id);
        this.box.append(block);
        card = { name, input, id };
        this.cards.set(call, card);
      }
      const input = this.run.over && !call.custom ? pretty(call.input) : call.input;
      if (card.name.textContent !== call.name) card.name.textContent = call.name;
      if (card.input.textContent !== input) card.input.textContent = input;
      if (call.id && card.id.textContent !== call.id) card.id.textContent = call.id;
    }

    finish(answer) {
      if (answer.models) this.box.replaceChildren(modelTable(answer.models));
      if (this.box.childElementCount || this.run.trouble || this.run.stopped) return;
      this.box.append(make("p", { class: "quiet" }, "The answer is empty: it came, and holds no text."));
    }
  }

  function pretty(text) {
    try {
      return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      return text;
    }
  }

  function modelTable(models) {
    const head = make("tr", {}, ...["Model", "Context", "Your plan"].map((name) => make("th", { scope: "col" }, name)));
    const body = make("tbody");
    for (const model of models) {
      const context = model.context_length ? tester.figure(model.context_length) : "not told";
      body.append(make("tr", {},
        make("th", { scope: "row" }, make("code", {}, String(model.id))),
        make("td", {}, context),
        make("td", {}, model.available ? "may use it" : `from ${model.plan ?? "no plan"}`)));
    }
    return make("table", { class: "tester-models" }, make("thead", {}, head), body);
  }

  tester.ReadableView = ReadableView;
})();
