// What went wrong with a run, in words and with what to do: { kind, title, text, status, code, error }.
(() => {
  "use strict";
  const { tester } = globalThis.smartRoute;
  const SHOWN = 2000;

  function fromApi(status, error) {
    const record = tester.requests.isRecord(error) ? error : { message: String(error) };
    const code = record.code ?? record.type ?? null;
    const title = status && status !== 200 ? `${status} ${code ?? ""}`.trim() : (code ?? "The answer ended with an error");
    return { kind: "api", title, text: record.message ?? "", status, code, error: record };
  }

  function noJson(status, text) {
    const shown = text.length > SHOWN ? `${text.slice(0, SHOWN)} … ${tester.count(text.length - SHOWN, "more character")}` : text;
    const whose = "Something between this browser and the service may have answered. Send it again; if it stays, tell the operator.";
    return { kind: "no-json", title: `${status}: the answer is no JSON`, text: whose, status, quote: shown || "(empty)" };
  }

  function brokenEvents(run) {
    const broken = tester.count(run.brokenEvents, "event");
    return { kind: "event", title: `${broken} could not be read`, text: "The raw view shows what came. Tell the operator the request id." };
  }

  const cut = () => ({
    kind: "cut",
    title: "The stream was cut",
    text: "It ended without its last event. What came before is below; it counts if output had begun. Send it again.",
  });

  const network = (online) => ({
    kind: "network",
    title: "The service was not reached",
    text: online
      ? "The connection failed before an answer came. The service may be restarting: wait a few seconds and send again."
      : "This browser is offline. Connect it and send again.",
  });

  const token = (text) => ({ kind: "token", title: "No token to send with", text });

  const own = (fault) => ({ kind: "own", title: "The page could not show this answer", text: String(fault?.message ?? fault) });

  // The row of the page's table of errors that tells about a code; its address has the status where codes repeat.
  function rowOf({ code, status }) {
    if (!code) return null;
    return document.getElementById(`error-${code}-${status}`) ?? document.getElementById(`error-${code}`);
  }

  // What the row says, under the table's own headings.
  function fromRow(row) {
    const heads = [...(row.closest("table")?.tHead?.rows[0]?.cells ?? [])].map((cell) => cell.textContent.trim());
    return [...row.cells]
      .map((cell, place) => [heads[place] ?? "", cell.textContent.trim()])
      .filter(([head, text]) => text && !/^(status|code|type)\b/i.test(head));
  }

  function waitOf(run) {
    const resetsAt = run.trouble.error?.resets_at;
    if (resetsAt) return `It resets ${tester.moment(resetsAt)}, ${tester.untilThen(resetsAt)}.`;
    const seconds = Number(run.headers?.get("retry-after"));
    const said = /try again in/i.test(run.trouble.text ?? "");
    return seconds > 0 && !said ? `Try again in ${tester.count(seconds, "second")}.` : "";
  }

  function show(run) {
    const box = tester.element("trouble");
    box.replaceChildren();
    box.hidden = !run?.trouble;
    if (box.hidden) return;
    const { trouble } = run;
    const { make } = tester;
    box.append(make("h4", {}, trouble.title));
    if (trouble.text) box.append(make("p", {}, trouble.text));
    if (trouble.quote) box.append(make("pre", { tabindex: "0" }, trouble.quote));
    const wait = waitOf(run);
    if (wait) box.append(make("p", {}, wait));
    const row = rowOf(trouble);
    if (row) {
      const list = make("dl", {});
      for (const [head, text] of fromRow(row)) list.append(make("div", {}, make("dt", {}, head), make("dd", {}, text)));
      const link = make("a", { href: `#${row.id}` }, "To this row of the errors table");
      box.append(list, make("p", {}, link));
    }
    if (trouble.kind === "token") box.append(make("p", {}, make("a", { href: "/docs#token" }, "To the token box")));
  }

  tester.trouble = { fromApi, noJson, brokenEvents, cut, network, token, own, show };
})();
