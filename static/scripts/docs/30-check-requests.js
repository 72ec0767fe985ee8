// What the set-up checks send and read: single requests and streams, with the member's token, on this page's origin.
{
  const PATIENCE_MS = 120_000;

  /** A step that did not pass: what was seen, what it means, and the code of the API's error if there was one. */
  class StepFailed extends Error {
    constructor(seen, meaning, error = null) {
      super(seen);
      this.meaning = meaning;
      this.code = error?.code ?? null;
      this.status = error?.status ?? null;
    }
  }

  /** Requests of one check; `signal` ends them all. */
  class Requests {
    constructor({ base, token, signal }) {
      Object.assign(this, { base, token, signal });
    }

    async send(path, body = null, headers = {}) {
      let response;
      try {
        response = await fetch(this.base + path, {
          method: body ? "POST" : "GET",
          headers: { Authorization: `Bearer ${this.token}`, ...(body && { "Content-Type": "application/json" }), ...headers },
          body: body && JSON.stringify(body),
          credentials: "omit",
          cache: "no-store",
          signal: AbortSignal.any([this.signal, AbortSignal.timeout(PATIENCE_MS)]),
        });
      } catch (fault) {
        if (this.signal.aborted) throw fault;
        throw new StepFailed(`No answer: ${fault.message}`, "The service cannot be reached from this browser. Is the network up, and the service running?");
      }
      if (!response.headers.get("x-request-id")) {
        throw new StepFailed(`Status ${response.status}, without a request id`, "Something else answers at this address: a proxy in front of the service, perhaps.");
      }
      if (!response.ok) await refuse(response);
      return response;
    }

    async json(path, body = null, headers = {}) {
      return (await this.send(path, body, headers)).json();
    }

    /** Send a request and give its events as they come: { event, data } with data parsed, "[DONE]" as it is. */
    async *events(path, body, headers = {}) {
      const response = await this.send(path, { ...body, stream: true }, { Accept: "text/event-stream", ...headers });
      const kind = response.headers.get("content-type") ?? "nothing";
      if (!kind.startsWith("text/event-stream")) {
        throw new StepFailed(`The answer is ${kind}`, "A stream was asked for. A proxy that gathers answers may stand in front of the service.");
      }
      let rest = "";
      for await (const text of pieces(response)) {
        const blocks = (rest + text).split("\n\n");
        rest = blocks.pop();
        for (const block of blocks) {
          const found = read(block);
          if (!found) continue;
          if (found.data?.error) throw told(response.status, found.data.error);
          yield found;
        }
      }
    }
  }

  async function* pieces(response) {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        yield value;
      }
    } finally {
      reader.cancel().catch(() => {});
    }
  }

  function read(block) {
    let event = null;
    let data = null;
    for (const line of block.split("\n")) {
      if (line.startsWith("event: ")) event = line.slice(7);
      if (line.startsWith("data: ")) data = line.slice(6);
    }
    if (data === null) return null;
    return { event, data: data === "[DONE]" ? data : JSON.parse(data) };
  }

  async function refuse(response) {
    let error = {};
    try { error = (await response.json()).error ?? {}; } catch { /* the status has to do */ }
    throw told(response.status, error);
  }

  function told(status, error) {
    return new StepFailed(`${status} ${error.code ?? ""}: ${error.message ?? "no message"}`, MEANINGS[error.code] ?? MEANINGS[status] ?? "", { ...error, status });
  }

  const MEANINGS = {
    401: "The token is not accepted. If it was replaced in another window, reload this page; if it is revoked, make a new one.",
    404: "The set-up names something that this service does not have. Take the lines of this page as they stand now.",
    insufficient_quota: "The prompts of the day or the month are used up. The set-up itself is right so far.",
    rate_limit_exceeded: "Too much at once. Wait a moment and check again.",
    502: "The set-up is right; the model behind the service failed. Try again, or tell the operator.",
    503: "The set-up is right; the service is in trouble. Try again shortly, or tell the operator.",
    504: "The set-up is right; the model did not answer in time. Try again.",
  };

  Object.assign(globalThis.smartRoute, { Requests, StepFailed });
}
