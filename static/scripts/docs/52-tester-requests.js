// What can be sent: the routes, the body that the simple form stands for, and the way back from JSON to the form.
(() => {
  "use strict";
  const { tester } = globalThis.smartRoute;

  const depth = {
    put: (effort) => ({ reasoning_effort: effort }),
    take: (body) => take(body, "reasoning_effort", isText),
  };
  const usageToo = { stream: true, stream_options: { include_usage: true } };

  const routes = {
    "chat/completions": {
      method: "POST",
      effort: depth,
      prompt: (text) => ({ messages: [{ role: "user", content: text }] }),
      takePrompt: (body) => {
        const [first, ...more] = Array.isArray(body.messages) ? body.messages : [];
        const plain = isRecord(first) && first.role === "user" && isText(first.content) && Object.keys(first).length === 2;
        if (!plain || more.length) return undefined;
        delete body.messages;
        return first.content;
      },
      streamed: usageToo,
      sdk: "chat.completions",
    },
    completions: {
      method: "POST",
      effort: depth,
      prompt: (text) => ({ prompt: text }),
      takePrompt: (body) => take(body, "prompt", isText),
      streamed: usageToo,
      sdk: "completions",
    },
    responses: {
      method: "POST",
      effort: {
        put: (effort) => ({ reasoning: { effort } }),
        take: (body) => {
          const { reasoning } = body;
          if (!isRecord(reasoning) || Object.keys(reasoning).length !== 1 || !isText(reasoning.effort)) return undefined;
          delete body.reasoning;
          return reasoning.effort;
        },
      },
      prompt: (text) => ({ input: text }),
      takePrompt: (body) => take(body, "input", isText),
      streamed: { stream: true },
      always: { store: false }, // a try leaves nothing behind
      sdk: "responses",
    },
    models: { method: "GET", sdk: "models" },
  };

  function isText(value) {
    return typeof value === "string";
  }

  function isRecord(value) {
    return typeof value === "object" && value !== null && !Array.isArray(value);
  }

  function take(body, name, fits) {
    const value = body[name];
    if (!fits(value)) return undefined;
    delete body[name];
    return value;
  }

  // The body that a filled-in form stands for; `fields` are { prompt, model, effort, stream }.
  function bodyOf(routeName, fields) {
    const route = routes[routeName];
    return {
      model: fields.model,
      ...route.prompt(fields.prompt),
      ...route.always,
      ...(fields.effort ? route.effort.put(fields.effort) : {}),
      ...(fields.stream ? route.streamed : {}),
    };
  }

  // The form's fields out of a body, the names of what the form has no place for, and the values that it does not offer.
  function fieldsOf(routeName, body, models, efforts) {
    const route = routes[routeName];
    const rest = structuredClone(body);
    const prompt = route.takePrompt(rest);
    const model = take(rest, "model", (value) => models.includes(value));
    const effort = route.effort.take(rest);
    const knownEffort = effort === undefined || efforts.includes(effort);
    const stream = take(rest, "stream", (value) => typeof value === "boolean");
    for (const [name, value] of Object.entries({ ...route.always, ...route.streamed })) {
      if (JSON.stringify(rest[name]) === JSON.stringify(value)) delete rest[name];
    }
    const unknown = [];
    if (isText(rest.model)) unknown.push(`the model ${take(rest, "model", isText) || '""'}`);
    if (!knownEffort) unknown.push(`the reasoning ${effort || '""'}`);
    const lost = Object.keys(rest);
    const kept = { prompt: prompt ?? "", model, effort: knownEffort ? (effort ?? "") : "", stream: stream ?? false };
    return { fields: kept, lost, unknown };
  }

  // { route, method, text, body }: `text` is the very body to send, null for a GET.
  function request(routeName, text) {
    const { method } = routes[routeName];
    if (method === "GET") return { route: routeName, method, text: null, body: null };
    return { route: routeName, method, text, body: JSON.parse(text) };
  }

  tester.requests = { routes, bodyOf, fieldsOf, request, isRecord };
})();
