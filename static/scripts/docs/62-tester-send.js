// One run: a request on its way, its answer as it comes, its times. Nothing here touches the page.
(() => {
  "use strict";
  const { tester } = globalThis.smartRoute;
  const BREATHE_MS = 24; // a burst of events leaves the page this often a moment to draw

  function newRun(request) {
    return {
      request,
      startedAt: new Date(),
      sentAt: null, firstAt: null, endedAt: null, // performance.now()
      status: null, headers: null, requestId: null, streamed: false,
      answer: tester.answer.newAnswer(),
      log: new tester.events.EventLog(),
      whole: null, // the text of an answer that was not streamed
      bytes: 0,
      brokenEvents: 0, done: false,
      trouble: null, stopped: false, over: false,
      before: null, after: null, settled: false, // what it cost has been asked for
      stop: null,
    };
  }

  // Sends it and gives the run when all of it is over. `changed(run)` is called often, `headed(run)` once.
  async function send(run, { headed, changed }) {
    const controller = new AbortController();
    run.stop = () => {
      run.stopped = true;
      controller.abort();
    };
    try {
      run.before = await tester.quota.read(controller.signal);
      const answer = await ask(run, controller.signal);
      run.status = answer.status;
      run.headers = answer.headers;
      run.requestId = answer.headers.get("x-request-id");
      run.streamed = /^text\/event-stream\b/.test(answer.headers.get("content-type") ?? "");
      headed(run);
      if (run.streamed) await readStream(run, answer, changed);
      else await readWhole(run, answer);
    } catch (fault) {
      run.trouble = run.stopped ? null : troubleOf(run, fault);
    }
    run.endedAt = performance.now();
    run.over = true;
    return run;
  }

  function ask(run, signal) {
    const { method, route, text } = run.request;
    const content = text === null ? {} : { body: text, headers: { "Content-Type": "application/json" } };
    return tester.token.call(`/${route}`, { method, signal, ...content }, () => {
      run.sentAt = performance.now();
    });
  }

  function troubleOf(run, fault) {
    if (fault instanceof tester.token.TokenTrouble) return tester.trouble.token(fault.message);
    // fetch tells every failure of the network as a TypeError; faults of this script have a place in it.
    if (!(fault instanceof TypeError) && fault.name !== "AbortError" && fault.name !== "NetworkError") return tester.trouble.own(fault);
    return run.headers ? tester.trouble.cut() : tester.trouble.network(navigator.onLine);
  }

  async function readStream(run, answer, changed) {
    const reader = answer.body.getReader();
    const events = new tester.events.EventReader();
    let breathed = performance.now();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      run.bytes += value.length;
      for (const event of events.feed(value)) take(run, event);
      changed(run);
      if (performance.now() - breathed > BREATHE_MS && !document.hidden) {
        await new Promise((resolve) => setTimeout(resolve));
        breathed = performance.now();
      }
    }
    if (run.answer.error) run.trouble = tester.trouble.fromApi(run.status, run.answer.error);
    else if (!run.done && !run.answer.ended) run.trouble = tester.trouble.cut();
    else if (run.brokenEvents) run.trouble = tester.trouble.brokenEvents(run);
  }

  function take(run, event) {
    event.at = performance.now() - run.sentAt;
    run.log.add(event);
    if (event.data === null) return;
    if (event.data === "[DONE]") {
      run.done = true;
      return;
    }
    let body;
    try {
      body = JSON.parse(event.data);
    } catch {
      run.brokenEvents += 1;
      return;
    }
    tester.answer.readEvent(run.request.route, run.answer, body);
    if (run.firstAt === null && run.answer.begun) run.firstAt = performance.now();
  }

  async function readWhole(run, answer) {
    run.whole = await answer.text();
    run.bytes = new TextEncoder().encode(run.whole).length;
    let body;
    try {
      body = JSON.parse(run.whole);
    } catch {
      run.trouble = tester.trouble.noJson(run.status, run.whole);
      return;
    }
    tester.answer.readWhole(run.request.route, run.answer, body);
    if (run.answer.error || !answer.ok) run.trouble = tester.trouble.fromApi(run.status, run.answer.error ?? run.whole);
    else run.firstAt = performance.now();
  }

  tester.send = { newRun, send };
})();
