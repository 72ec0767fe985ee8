// The "Check it" button beside each set-up: runs its steps one by one and tells what passed. Without a token on the
// page, or without this script, there is no such button.
{
  const { Requests, StepFailed, checks, wholeToken } = globalThis.smartRoute;

  function element(name, text = "", className = "") {
    const made = document.createElement(name);
    made.textContent = text;
    if (className) made.className = className;
    return made;
  }

  function show(list, title) {
    const item = element("li");
    const state = element("span", "running", "state");
    const detail = element("span", "", "detail");
    item.append(state, element("strong", title), detail);
    item.dataset.state = "running";
    list.append(item);
    return (name, text, ...more) => {
      item.dataset.state = name;
      state.textContent = name;
      detail.textContent = text;
      item.append(...more);
    };
  }

  function explained(fault) {
    const parts = [];
    if (fault.meaning) parts.push(element("span", fault.meaning, "meaning"));
    const row = document.getElementById(`error-${fault.code}`) ?? document.getElementById(`error-${fault.code}-${fault.status}`);
    if (row) {
      const link = element("a", "This error in the table");
      link.href = `#${row.id}`;
      parts.push(link);
    }
    return parts;
  }

  async function step(world, list, { title, run }) {
    const tell = show(list, title);
    try {
      const told = await run(world);
      if (told?.note) tell("note", told.note);
      else tell("passed", told);
      return told?.note ? "note" : "passed";
    } catch (fault) {
      if (world.signal.aborted) tell("stopped", "You stopped it.");
      else if (fault instanceof StepFailed) tell("failed", fault.message, ...explained(fault));
      else tell("failed", `The answer is not what was expected: ${fault.message}`);
      return "failed";
    }
  }

  async function check(box, list, status, signal) {
    const { client, base, api, alias, output, demo } = box.dataset;
    const session = crypto.randomUUID?.() ?? String(Date.now());
    const world = { api, alias, output: Number(output), demo: demo === "yes", session, signal };
    const tell = show(list, "The token is taken from this page");
    try {
      const token = await wholeToken();
      if (!token) throw new Error("There is no token any more");
      world.requests = new Requests({ base, token, signal });
      tell("passed", "kept in memory, for this check only");
    } catch (fault) {
      tell("failed", fault.message, element("span", "It was revoked, or your session has ended. Reload the page.", "meaning"));
      return "Not all steps passed.";
    }
    let outcome = "All steps passed.";
    for (const each of checks[client]) {
      status.textContent = `${each.title} …`;
      const ended = await step(world, list, each);
      if (ended === "failed") return "Not all steps passed.";
      if (ended === "note") outcome = "The set-up works. One thing to note below.";
    }
    return outcome;
  }

  function offer(box) {
    const button = box.querySelector("button");
    const status = box.querySelector("[role=status]");
    const list = box.querySelector("ol");
    const label = [...button.childNodes];
    let running = null;
    box.hidden = false;
    button.addEventListener("click", async () => {
      if (running) return running.abort();
      running = new AbortController();
      list.replaceChildren();
      list.hidden = false;
      button.textContent = "Stop";
      status.textContent = await check(box, list, status, running.signal);
      button.replaceChildren(...label);
      running = null;
    });
  }

  document.querySelectorAll(".check[data-client]").forEach(offer);
}
