// What a request costs: the windows before it, from GET usage, and after it, from its headers or GET usage again.
(() => {
  "use strict";
  const { tester } = globalThis.smartRoute;
  const FREE = "counted nothing";
  const GIVEN_BACK_MS = 2500; // the service ends what a leaving client started within 2 s

  // { day: { limit, used, left, resets_at }, month }; null when it cannot be told. Counts nothing itself.
  async function read(signal) {
    try {
      const answer = await tester.token.call("/usage", { signal });
      if (!answer.ok) return null;
      const { day, month } = await answer.json();
      return { day, month };
    } catch (trouble) {
      if (trouble.name === "AbortError" || trouble instanceof tester.token.TokenTrouble) throw trouble;
      return null;
    }
  }

  function fromHeaders(headers, before) {
    const after = {};
    for (const name of ["day", "month"]) {
      const left = headers.get(`x-smartroute-${name}-remaining`);
      const limit = headers.get(`x-smartroute-${name}-limit`);
      const reset = headers.get(`x-smartroute-${name}-reset`);
      if (left !== null) {
        after[name] = { limit: Number(limit), left: Number(left), used: Number(limit) - Number(left), resets_at: Number(reset) };
      } else if (before?.[name].limit === null) after[name] = null; // unlimited: only GET usage tells what is used
      else return null;
    }
    return after.day && after.month ? after : null;
  }

  // An error or a stop may still give its reservation back, so its headers are not the last word.
  async function readAfter(run) {
    const settled = run.status === 200 && !run.trouble && !run.stopped;
    const told = settled && run.headers ? fromHeaders(run.headers, run.before) : null;
    if (told) return told;
    if (run.stopped) await new Promise((resolve) => setTimeout(resolve, GIVEN_BACK_MS));
    return read().catch(() => null);
  }

  const steps = (name, before, after) =>
    after.limit === null
      ? `${name} ${tester.figure(before.used)} → ${tester.figure(after.used)} used, unlimited`
      : `${name} ${tester.figure(before.left)} → ${tester.figure(after.left)} left`;

  // { cost, steps, reset } in words; null when a side is not known.
  function words({ before, after }) {
    if (!before || !after) return null;
    const cost = after.month.used - before.month.used;
    const windows = `${steps("today", before.day, after.day)}, ${steps("this month", before.month, after.month)}`;
    let said = cost === 0 ? FREE : `counted ${tester.count(cost, "prompt")}`;
    if (cost > 1) said += ", other requests of yours meanwhile among them";
    if (cost < 0) said = "a new month has begun, or prompts were given back";
    return { cost: said, steps: windows, reset: `The day resets ${tester.untilThen(after.day.resets_at)}.` };
  }

  // Whether a body only brings results of tool calls back: the service then counts nothing.
  function isContinuation(body) {
    const last = body?.messages?.at?.(-1)?.role ?? body?.input?.at?.(-1)?.type ?? "";
    return last === "tool" || /_call_output$/.test(last);
  }

  // How a run that was stopped ended; what it cost, once GET usage has told.
  function stopSaid(run) {
    if (run.sentAt === null) return "Stopped before it was sent.";
    if (run.request.method === "GET") return "Stopped.";
    const when = run.answer.begun ? "Stopped after output had begun" : "Stopped before any output";
    if (!run.settled) return `${when}.`;
    const told = words(run);
    if (!told) return `${when}. What it counted is not known.`;
    if (told.cost !== FREE) return `${when}: ${told.cost}.`;
    return `${when}: ${run.answer.begun && isContinuation(run.request.body) ? "a continuation, not counted" : "not counted"}.`;
  }

  tester.quota = { read, readAfter, words, stopSaid };
})();
