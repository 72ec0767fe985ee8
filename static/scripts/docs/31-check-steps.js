// The steps of each set-up check: the requests that the client would make, in its own manner.
{
  const { StepFailed } = globalThis.smartRoute;
  const WISH = "Call the tool that you are given with the command pwd. Then say in one short sentence what it printed.";
  const RESULT = "/home/you/project";

  const chatTool = (name, field) => ({
    type: "function",
    function: {
      name,
      description: "Runs a command in the user's shell.",
      parameters: { type: "object", properties: { [field]: { type: "string" } }, required: [field] },
    },
  });

  // The built-in demo plays what it is told; a model is asked in words.
  const wish = (world, tool, field) =>
    world.demo ? `[[tool ${tool} {"${field}": "pwd"}]] [[then]] [[reply Done.]]` : WISH;
  const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(2)} s`;

  // -- what all have in common ------------------------------------------------------------------------------------

  const reached = (path = "/models") => ({
    title: "The address answers, and takes the token",
    async run(world) {
      world.before = await world.requests.json("/usage");
      const answer = await world.requests.json(path);
      world.models = answer.data ?? [answer];
      world.catalogue = answer.models;
      const named = new URL(world.api).origin;
      if (named !== location.origin) return `at ${location.origin}. The set-up names ${named}: your client must reach that one`;
      return `${world.api}`;
    },
  });

  const known = {
    title: "The model is known, and yours to use",
    run(world) {
      const model = world.models.find((each) => each.id === world.alias);
      if (!model) throw new StepFailed(`${world.alias} is not in the list`, "The catalog has changed since this page was loaded. Reload it.");
      if (!model.available) throw new StepFailed(`${world.alias} is above your plan`, "Your plan has changed since this page was loaded. Reload it.");
      return world.alias;
    },
  };

  const counted = (expected) => ({
    title: "The quota counts as promised",
    async run(world) {
      const after = await world.requests.json("/usage");
      globalThis.smartRoute.showUsage(after);
      const [before, now] = [world.before.month.used, after.month.used];
      const used = now - before;
      const left = after.day.left === null ? "" : `, ${after.day.left.toLocaleString("en")} left today`;
      if (used === expected) return `${used} ${used === 1 ? "prompt" : "prompts"}${left}`;
      return { note: `${used} prompts in place of ${expected}${left}. Another program of yours was at work meanwhile, or the month has changed` };
    },
  });

  // -- chat completions -------------------------------------------------------------------------------------------

  async function chat(world, body, headers) {
    const started = performance.now();
    const seen = { text: "", calls: [], finish: null, usage: null, done: false, first: null, events: 0 };
    for await (const { data } of world.requests.events("/chat/completions", body, headers)) {
      seen.events += 1;
      if (data === "[DONE]") { seen.done = true; continue; }
      if (data.usage) seen.usage = data.usage;
      for (const { delta, finish_reason: finish } of data.choices) {
        if (delta.content || delta.tool_calls || delta.reasoning_content) seen.first ??= seconds(started);
        seen.text += delta.content ?? "";
        for (const piece of delta.tool_calls ?? []) {
          const call = (seen.calls[piece.index] ??= { id: "", type: "function", function: { name: "", arguments: "" } });
          call.id ||= piece.id ?? "";
          call.function.name ||= piece.function?.name ?? "";
          call.function.arguments += piece.function?.arguments ?? "";
        }
        seen.finish = finish ?? seen.finish;
      }
    }
    if (!seen.finish || !seen.done) throw new StepFailed(`The stream broke off after ${seen.events} events`, "A proxy with a short time limit may stand in front of the service.");
    return seen;
  }

  const chatStream = (make) => ({
    title: "A stream arrives, with all of its events",
    async run(world) {
      const { body, headers } = make(world);
      const seen = await chat(world, body, headers);
      if (body.stream_options && !seen.usage) throw new StepFailed("No token counts came", "They were asked for with stream_options, and the client counts on them.");
      Object.assign(world, { body, headers, seen });
      return `${seen.events} events, first output after ${seen.first ?? "the end"}, ended with ${seen.finish}`;
    },
  });

  const chatCall = {
    title: "The model calls a tool, and goes on with its result",
    async run(world) {
      const { body, headers, seen } = world;
      if (!seen.calls.length) return { note: "The model answered in words this time. Models that never call tools do not do for agents: take a stronger alias" };
      const results = seen.calls.map((call) => ({ role: "tool", tool_call_id: call.id, content: RESULT }));
      const messages = [...body.messages, { role: "assistant", content: seen.text || null, tool_calls: seen.calls }, ...results];
      const next = await chat(world, { ...body, messages }, headers);
      return `${seen.calls[0].function.name}, then ${next.calls.length ? "a further call" : "a closing text"}`;
    },
  };

  // -- responses --------------------------------------------------------------------------------------------------

  async function respond(world, body, headers) {
    const started = performance.now();
    const seen = { kinds: new Set(), events: 0, first: null, gap: false, end: null };
    for await (const { event, data } of world.requests.events("/responses", body, headers)) {
      if (data === "[DONE]") continue;
      if (event !== data.type || data.sequence_number !== seen.events) seen.gap = true;
      seen.events += 1;
      seen.kinds.add(data.type);
      if (data.type.endsWith(".delta")) seen.first ??= seconds(started);
      if (/^response\.(completed|incomplete|failed)$/.test(data.type)) seen.end = data;
    }
    if (!seen.end) throw new StepFailed(`The stream broke off after ${seen.events} events`, "A proxy with a short time limit may stand in front of the service.");
    if (seen.end.type === "response.failed") throw new StepFailed(seen.end.response.error?.message ?? "The response failed", "The set-up is right; the model failed. Try again.");
    if (seen.gap) throw new StepFailed("Events are missing or out of order", "Something between the service and this browser changes the stream.");
    return seen;
  }

  const codexBody = (world) => ({
    model: world.alias,
    input: [
      { type: "message", role: "developer", content: [{ type: "input_text", text: "You are a coding agent. Be brief." }] },
      { type: "message", role: "user", content: [{ type: "input_text", text: wish(world, "exec_command", "cmd") }] },
    ],
    tools: [
      {
        type: "function",
        name: "exec_command",
        description: "Runs a command in the user's shell.",
        strict: false,
        parameters: { type: "object", properties: { cmd: { type: "string" } }, required: ["cmd"], additionalProperties: false },
      },
      {
        type: "custom",
        name: "apply_patch",
        description: "Changes files by a patch.",
        format: { type: "grammar", syntax: "lark", definition: 'start: "*** Begin Patch" /(.|\\n)+/' },
      },
      { type: "web_search" },
    ],
    tool_choice: "auto",
    parallel_tool_calls: true,
    reasoning: { summary: "auto" },
    include: ["reasoning.encrypted_content"],
    store: false,
    prompt_cache_key: world.session,
  });

  const codex = [
    reached("/models?client_version=0.169.0"),
    known,
    {
      title: "The model catalogue is one that Codex can read",
      run(world) {
        const entry = world.catalogue?.find((each) => each.slug === world.alias);
        if (!entry) throw new StepFailed("No entry for the model", "Codex would warn of missing metadata and work with guesses.");
        return entry.context_window ? `context of ${entry.context_window.toLocaleString("en")} tokens` : "without a stated context";
      },
    },
    {
      title: "A stream arrives, with all of its events",
      async run(world) {
        world.body = codexBody(world);
        world.headers = { "session-id": world.session, "thread-id": world.session };
        world.seen = await respond(world, world.body, world.headers);
        return `${world.seen.events} events, first output after ${world.seen.first ?? "the end"}, ended with ${world.seen.end.type}`;
      },
    },
    {
      title: "The model calls a tool, and goes on with its result",
      async run(world) {
        const { output } = world.seen.end.response;
        const calls = output.filter((item) => item.type === "function_call" || item.type === "custom_tool_call");
        if (!calls.length) return { note: "The model answered in words this time. Models that never call tools do not do for agents: take a stronger alias" };
        const results = calls.map((call) => ({
          type: call.type === "function_call" ? "function_call_output" : "custom_tool_call_output",
          call_id: call.call_id,
          output: RESULT,
        }));
        const next = await respond(world, { ...world.body, input: [...world.body.input, ...output, ...results] }, world.headers);
        const further = next.end.response.output.some((item) => item.type.endsWith("_call"));
        return `${calls[0].name}, then ${further ? "a further call" : "a closing text"}`;
      },
    },
    counted(1),
  ];

  // -- the others -------------------------------------------------------------------------------------------------

  const kilo = [
    reached(),
    known,
    chatStream((world) => ({
      body: {
        model: world.alias,
        max_tokens: world.output,
        messages: [
          { role: "system", content: "You are a coding agent. Be brief." },
          { role: "user", content: wish(world, "bash", "command") },
        ],
        tools: [chatTool("bash", "command")],
        tool_choice: "auto",
        stream_options: { include_usage: true },
      },
      headers: { "x-session-id": world.session, "x-session-affinity": world.session, "x-title": "Kilo Code" },
    })),
    chatCall,
    counted(1),
  ];

  const vscode = [
    reached(),
    known,
    chatStream((world) => ({
      body: {
        model: world.alias,
        messages: [
          { role: "system", content: "You are an assistant in an editor. Be brief." },
          { role: "user", content: [{ type: "text", text: wish(world, "run_in_terminal", "command") }] },
        ],
        tools: [chatTool("run_in_terminal", "command")],
        tool_choice: "auto",
        stream_options: { include_usage: true },
      },
      headers: {},
    })),
    chatCall,
    counted(1),
  ];

  const wholeResponse = {
    title: "A whole answer of POST /responses",
    async run(world) {
      const started = performance.now();
      const answer = await world.requests.json("/responses", { model: world.alias, input: "Say hello." });
      if (answer.object !== "response" || !answer.output.length) throw new StepFailed("The answer holds no output", "The set-up is right; the model failed. Try again.");
      return `${answer.status} after ${seconds(started)}, served by ${answer.model}`;
    },
  };

  const chatHello = {
    ...chatStream((world) => ({ body: { model: world.alias, messages: [{ role: "user", content: "Say hello." }] }, headers: {} })),
    title: "A stream of POST /chat/completions",
  };

  const sdks = [
    { ...reached(), title: "The address answers, and takes the token (models.list)" },
    known,
    wholeResponse,
    chatHello,
    counted(2),
  ];
  const curl = [reached(), known, wholeResponse, chatHello, counted(2)];

  globalThis.smartRoute.checks = { codex, kilo, vscode, sdks, curl };
}
