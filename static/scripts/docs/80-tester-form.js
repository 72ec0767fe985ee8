// The request side: the simple form, the JSON, and the ways between them. Nothing that was written is lost unasked.
(() => {
  "use strict";
  const { tester } = globalThis.smartRoute;
  const { element, make, state } = tester;
  const SAY_AFTER_MS = 700; // a screen reader hears of a fault when the typing rests
  const MARKED_UP_TO = 200_000; // characters; beyond that the fault is told, not marked

  let generated = ""; // the JSON as the form made it: as long as it stands so, it follows the route
  let saying = 0;

  const routeName = () => element("route").value;
  const hasBody = () => tester.requests.routes[routeName()].method === "POST";
  const optionsOf = (name) => [...element(name).options].map((option) => option.value);

  function fields() {
    return {
      prompt: element("prompt").value,
      model: element("model").value,
      effort: element("effort").value,
      stream: element("stream").checked,
    };
  }

  function fromForm() {
    return JSON.stringify(tester.requests.bodyOf(routeName(), fields()), null, 2);
  }

  // { request } or { fault }: what would be sent now.
  function current() {
    if (!hasBody()) return { request: tester.requests.request(routeName(), null) };
    if (state.way === "simple") return { request: tester.requests.request(routeName(), fromForm()) };
    const text = element("json").value;
    const fault = tester.json.faultOf(text);
    return fault ? { fault } : { request: tester.requests.request(routeName(), text) };
  }

  function setJson(text) {
    generated = text;
    element("json").value = text;
    showFault();
  }

  function showFault() {
    const text = element("json").value;
    const fault = tester.json.faultOf(text);
    element("json").setAttribute("aria-invalid", String(Boolean(fault)));
    element("json-fault").hidden = !fault;
    const state = element("json-state");
    clearTimeout(saying);
    if (!fault) {
      state.textContent = `JSON, ${tester.count(new TextEncoder().encode(text).length, "byte")}`;
      element("marker").replaceChildren();
      element("json-said").textContent = "";
      return;
    }
    const said = `Line ${fault.line}, column ${fault.column}: ${fault.message}`;
    state.textContent = "";
    element("json-where").textContent = said;
    element("json-excerpt").textContent = excerpt(fault);
    mark(text, fault.offset);
    saying = setTimeout(() => { element("json-said").textContent = said; }, SAY_AFTER_MS);
  }

  // The line and a caret under the place. A tab stays a tab, so that the caret stands right.
  function excerpt({ source, column }) {
    const from = Math.max(0, column - 31);
    const part = source.slice(from, from + 60);
    const before = source.slice(from, column - 1).replace(/[^\t]/g, " ");
    return `${part}\n${before}^`;
  }

  // The text once more behind the field, unseen, with the place marked.
  function mark(text, offset) {
    const marker = element("marker");
    if (text.length > MARKED_UP_TO) {
      marker.replaceChildren();
      return;
    }
    const at = text[offset];
    marker.replaceChildren(text.slice(0, offset), make("mark", {}, at && at !== "\n" ? at : " "), at ? text.slice(offset + 1) : "");
    follow();
  }

  function follow() {
    element("marker").scrollTop = element("json").scrollTop;
    element("marker").scrollLeft = element("json").scrollLeft;
  }

  function goToFault() {
    const fault = tester.json.faultOf(element("json").value);
    if (!fault) return;
    element("json").focus();
    element("json").setSelectionRange(fault.offset, Math.min(fault.offset + 1, element("json").value.length));
  }

  function show() {
    const body = hasBody();
    element("ways").hidden = !body;
    element("simple").hidden = !body || state.way !== "simple";
    element("raw").hidden = !body || state.way !== "raw";
    element("no-body").hidden = body;
    root().querySelector(`[name="try-way"][value="${state.way}"]`).checked = true;
    const stale = body && state.way === "raw" && element("json").value !== generated && made !== routeName();
    element("stale").hidden = !stale;
  }

  const root = () => tester.root;
  let made = null; // the route that the JSON was made for

  function toRaw() {
    state.way = "raw";
    made = routeName();
    setJson(fromForm());
    leave();
  }

  // Back to the simple form: at once when it can hold everything, else it says what would go.
  function toSimple() {
    const text = element("json").value;
    if (text === generated) return intoForm(null);
    if (tester.json.faultOf(text)) return ask("The JSON has a fault: the form would go back to what it held before.", null);
    const { fields: found, lost, unknown } = tester.requests.fieldsOf(routeName(), JSON.parse(text), optionsOf("model"), optionsOf("effort"));
    if (!lost.length && !unknown.length) return intoForm(found);
    const said = [];
    if (lost.length) said.push(`The form has no place for ${lost.join(", ")}.`);
    if (unknown.length) said.push(`The form does not offer ${unknown.join(" or ")}.`);
    return ask(said.join(" "), found);
  }

  function ask(text, found) {
    const box = element("leave");
    box.replaceChildren(
      make("p", {}, text),
      make("p", { class: "actions" },
        tester.button("Use the form without it", () => intoForm(found), "danger small"),
        tester.button("Keep the JSON", () => { leave(); element("json").focus(); }, "plain small")),
    );
    box.hidden = false;
    show();
    box.querySelector("button:last-child").focus();
  }

  function leave() {
    element("leave").hidden = true;
    show();
  }

  function intoForm(found) {
    if (found) {
      element("prompt").value = found.prompt;
      if (found.model) element("model").value = found.model;
      element("effort").value = found.effort;
      element("stream").checked = found.stream;
    }
    const within = element("leave").contains(document.activeElement);
    state.way = "simple";
    leave();
    if (within) element("prompt").focus();
  }

  // Puts a prompt in that shows a stream well.
  function exemplify(prompt) {
    element("prompt").value = prompt;
    element("stream").checked = true;
    element("prompt").focus();
  }

  // Puts an earlier request back, as JSON: that is what was sent.
  function take(request) {
    element("route").value = request.route;
    if (request.text === null) return show();
    state.way = "raw";
    made = request.route;
    element("json").value = request.text;
    generated = "";
    showFault();
    leave();
  }

  function changeRoute() {
    element("leave").hidden = true;
    if (hasBody() && state.way === "raw" && element("json").value === generated) toRaw();
    else show();
  }

  function listen(changed) {
    element("route").addEventListener("change", changeRoute);
    element("json").addEventListener("input", () => { showFault(); show(); });
    element("json").addEventListener("scroll", follow, { passive: true });
    element("go-to-fault").addEventListener("click", goToFault);
    element("remake").addEventListener("click", () => { toRaw(); element("json").focus(); changed(); });
    for (const radio of root().querySelectorAll("[name='try-way']")) {
      radio.addEventListener("change", () => (radio.value === "raw" ? toRaw() : toSimple()));
    }
    element("form").addEventListener("input", changed);
    element("form").addEventListener("click", (event) => { if (event.target.closest("#try-leave")) changed(); });
    show();
  }

  tester.form = { current, fields, take, exemplify, goToFault, listen, routeName };
})();
