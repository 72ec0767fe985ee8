// The tester put together: what the buttons and keys do, and which run is shown.
(() => {
  "use strict";
  const { tester } = globalThis.smartRoute;
  const { element, state } = tester;
  if (!element("form")) return; // guests see an example

  let views = null; // of the run that is shown
  let drawing = 0;
  let slowest = 0; // ms that the last drawing took: a heavy page is drawn less often
  let lastDrawn = 0;

  function open(run) {
    state.shown = run;
    views = [new tester.ReadableView(element("readable"), run), new tester.RawView(element("raw-events"), run)];
    element("no-answer").hidden = true;
    element("answer-body").hidden = false;
    markEarlier(false);
    draw();
    drawEnd(run);
  }

  // What was not sent has no answer: the one that stands there is told to be of an earlier request.
  function markEarlier(yes) {
    element("answer").classList.toggle("earlier", yes);
    element("earlier").hidden = !yes;
    if (!yes) return;
    const { request, startedAt } = state.shown;
    element("earlier").textContent = `Below stands the earlier answer: ${request.method} ${request.route}, sent ${startedAt.toLocaleTimeString("en-GB")}.`;
  }

  // Both ends of a scrolled box: whoever has scrolled up to read is left where they are.
  function draw() {
    const started = performance.now();
    const box = element("readable");
    const follows = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
    for (const view of views) view.update();
    if (follows && state.run) box.scrollTop = box.scrollHeight;
    tester.timeline.show(state.shown);
    lastDrawn = performance.now();
    slowest = lastDrawn - started;
  }

  // Many events, one drawing: at most one a frame, and never more than a fifth of the time.
  function changed() {
    if (drawing) return;
    drawing = requestAnimationFrame(() => {
      drawing = 0;
      if (performance.now() - lastDrawn < 4 * slowest) changed();
      else draw();
    });
  }

  function drawEnd(run) {
    tester.facts.show(run);
    tester.trouble.show(run);
    tester.demonstration.show(run, start);
    element("use-again").hidden = !run.over;
    tester.history.show(openOld);
  }

  function openOld(run) {
    if (state.run) return;
    open(run);
    tester.say(`Shown again: ${run.request.method} ${run.request.route}`);
    bringIntoView();
  }

  function bringIntoView() {
    const panel = element("answer");
    if (panel.getBoundingClientRect().top > innerHeight - 160) panel.scrollIntoView({ block: "start" });
  }

  // Stop is to be in reach from any place of the page.
  let barInSight = true;
  const placeBar = () => element("bar").classList.toggle("afloat", Boolean(state.run) && !barInSight);
  new IntersectionObserver(([entry]) => {
    barInSight = entry.isIntersecting;
    placeBar();
  }).observe(element("bar-place"));

  function busy(yes) {
    placeBar();
    const stop = element("stop");
    const heldStop = document.activeElement === stop;
    stop.disabled = !yes;
    element("send").setAttribute("aria-disabled", String(yes));
    element("tool").setAttribute("aria-disabled", String(yes));
    element("answer").setAttribute("aria-busy", String(yes));
    if (heldStop && !yes) element("send").focus({ preventScroll: true });
  }

  async function start(request) {
    if (state.run) return;
    const run = tester.send.newRun(request);
    state.run = run;
    busy(true);
    open(run);
    bringIntoView();
    tester.say("");
    const waiting = setTimeout(() => tester.say("Waiting for the first output"), 300);
    const ticking = setInterval(() => { changed(); if (run.firstAt !== null && !run.told) firstOutput(run, waiting); }, 100);
    await tester.send.send(run, { headed: () => tester.facts.show(run), changed });
    clearTimeout(waiting);
    clearInterval(ticking);
    cancelAnimationFrame(drawing);
    drawing = 0;
    state.run = null;
    tester.history.add(run);
    busy(false);
    draw();
    drawEnd(run);
    tester.say(ended(run));
    run.after = await tester.quota.readAfter(run);
    run.settled = true;
    if (run.stopped && state.shown === run && !state.run) tester.say(ended(run));
    if (run.after) globalThis.smartRoute.showUsage(run.after);
    if (state.shown === run) drawEnd(run);
  }

  function firstOutput(run, waiting) {
    run.told = true;
    clearTimeout(waiting);
    tester.facts.show(run);
    tester.say("The answer is coming");
  }

  function ended(run) {
    if (run.stopped) return tester.quota.stopSaid(run);
    if (run.trouble) return `${run.trouble.title}.`;
    const took = tester.duration(run.endedAt - run.sentAt);
    return run.answer.calls.length ? `Done in ${took}: ${tester.count(run.answer.calls.length, "tool call")}.` : `Done in ${took}.`;
  }

  function send() {
    if (state.run) return;
    const { request, fault } = tester.form.current();
    if (fault) {
      tester.say(`Not sent: the JSON has a fault in line ${fault.line}, column ${fault.column}.`);
      markEarlier(state.shown !== null);
      tester.form.goToFault();
      return;
    }
    start(request);
  }

  function stop() {
    state.run?.stop();
  }

  let snippetsDue = 0;
  function snippets() {
    clearTimeout(snippetsDue);
    if (!element("code").open) return;
    snippetsDue = setTimeout(() => {
      const { request, fault } = tester.form.current();
      tester.snippets.show(request, fault && `The JSON has a fault in line ${fault.line}, column ${fault.column}: ${fault.message}`);
    }, 100);
  }

  function keys(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      send();
    } else if (event.key === "Escape" && state.run) {
      event.preventDefault();
      stop();
    }
  }

  function showView() {
    const raw = tester.root.querySelector("[name='try-view']:checked").value === "raw";
    element("readable").hidden = raw;
    element("raw-events").hidden = !raw;
  }

  element("form").addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  element("stop").addEventListener("click", stop);
  element("tool").addEventListener("click", () => start(tester.demonstration.begin(tester.form.routeName(), tester.form.fields())));
  element("use-again").addEventListener("click", () => {
    tester.form.take(state.shown.request);
    snippets();
    element("form").scrollIntoView({ block: "nearest" });
    (state.shown.request.text === null ? element("route") : element("json")).focus();
  });
  element("slow")?.addEventListener("click", () => {
    tester.form.exemplify(element("slow").dataset.prompt);
    snippets();
  });
  element("code").addEventListener("toggle", snippets);
  tester.root.addEventListener("keydown", keys);
  for (const radio of tester.root.querySelectorAll("[name='try-view']")) radio.addEventListener("change", showView);
  tester.form.listen(snippets);
  showView();
  element("no-script").hidden = true;
  element("no-answer").hidden = false;
  for (const part of tester.root.querySelectorAll("fieldset[data-live]")) part.disabled = false;
})();
