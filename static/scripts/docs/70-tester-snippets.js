// The request as a program would send it: curl, Python SDK, JavaScript SDK. The token stands masked in the lines; the
// page's copy buttons fill it in.
(() => {
  "use strict";
  const { tester } = globalThis.smartRoute;

  // What the Python SDK's methods take by name; the rest of a body goes through extra_body.
  const SHARED = "model stream stream_options n stop temperature top_p max_tokens seed logprobs logit_bias frequency_penalty presence_penalty user";
  const PYTHON_NAMES = {
    "chat/completions": `${SHARED} messages tools tool_choice parallel_tool_calls response_format reasoning_effort max_completion_tokens top_logprobs metadata store modalities prediction service_tier verbosity`,
    completions: `${SHARED} prompt suffix echo best_of`,
    responses: "model stream input instructions tools tool_choice parallel_tool_calls previous_response_id reasoning text store include metadata temperature top_p top_logprobs max_output_tokens max_tool_calls truncation user service_tier prompt_cache_key safety_identifier background",
  };
  const NEEDED = { "chat/completions": ["messages", "model"], completions: ["model", "prompt"], responses: [] };

  // One word for a POSIX shell: only the single quote ends what single quotes hold.
  const shellQuoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

  // JSON's escapes are Python's and JavaScript's too, and stringify escapes what is no character.
  const quoted = (text) => JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029]/g, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`);

  function python(value, indent = "") {
    if (value === null) return "None";
    if (value === true) return "True";
    if (value === false) return "False";
    if (typeof value === "string") return quoted(value);
    if (typeof value === "number") return Number.isFinite(value) ? String(value) : `float("${value < 0 ? "-" : ""}inf")`;
    const inner = `${indent}    `;
    if (Array.isArray(value)) return block("[", "]", value.map((each) => python(each, inner)), indent);
    return block("{", "}", Object.entries(value).map(([name, each]) => `${quoted(name)}: ${python(each, inner)}`), indent);
  }

  function block(open, close, members, indent) {
    if (!members.length) return open + close;
    const short = `${open}${members.join(", ")}${close}`;
    if (short.length <= 72 && !short.includes("\n")) return short;
    return `${open}\n${members.map((each) => `${indent}    ${each},\n`).join("")}${indent}${close}`;
  }

  // Keys that JavaScript reads as something else in a literal; all others stand as JSON has them.
  function javascript(value, indent = "") {
    if (typeof value === "string") return quoted(value);
    if (typeof value !== "object" || value === null) return String(value);
    const inner = `${indent}  `;
    const member = ([name, each]) => {
      const key = /^[A-Za-z_$][\w$]*$/.test(name) && name !== "__proto__" ? name : name === "__proto__" ? `["__proto__"]` : quoted(name);
      return `${key}: ${javascript(each, inner)}`;
    };
    const [open, close] = Array.isArray(value) ? "[]" : "{}";
    const members = Array.isArray(value) ? value.map((each) => javascript(each, inner)) : Object.entries(value).map(member);
    if (!members.length) return open + close;
    const short = open === "{" ? `{ ${members.join(", ")} }` : `[${members.join(", ")}]`;
    if (short.length <= 72 && !short.includes("\n")) return short;
    return `${open}\n${members.map((each) => `${inner}${each},\n`).join("")}${indent}${close}`;
  }

  const address = () => tester.root.dataset.address;
  const token = () => tester.root.dataset.masked || "YOUR_TOKEN";

  function curl(request) {
    const lines = [`curl -sS${request.body?.stream === true ? "N" : ""} ${shellQuoted(`${address()}/${request.route}`)}`];
    lines.push(`-H ${shellQuoted(`Authorization: Bearer ${token()}`)}`);
    if (request.text !== null) lines.push("-H 'Content-Type: application/json'", `--data-raw ${shellQuoted(request.text)}`);
    return lines.join(" \\\n  ");
  }

  const PYTHON_PRINT = {
    "chat/completions": ["print(answer.choices[0].message)", "if event.choices:\n        print(event.choices[0].delta.content or \"\", end=\"\", flush=True)"],
    completions: ["print(answer.choices[0].text)", "if event.choices:\n        print(event.choices[0].text, end=\"\", flush=True)"],
    responses: ["print(answer.output_text)", "if event.type == \"response.output_text.delta\":\n        print(event.delta, end=\"\", flush=True)"],
  };

  function pythonSdk(request) {
    const head = `from openai import OpenAI\n\nclient = OpenAI(base_url=${quoted(address())}, api_key=${quoted(token())})\n`;
    const { route, body } = request;
    if (route === "models") return `${head}for model in client.models.list():\n    print(model.id)`;
    if (!NEEDED[route].every((name) => name in body)) {
      // The SDK's method insists on a field that this body leaves out.
      const whole = `answer = client.post(${quoted(`/${route}`)}, cast_to=object, body=${python(body)})`;
      return body.stream === true ? `${head}# Streamed, the SDK needs: ${NEEDED[route].join(", ")}` : `${head}${whole}\nprint(answer)`;
    }
    const known = new Set(PYTHON_NAMES[route].split(" "));
    const named = Object.entries(body).filter(([name]) => known.has(name));
    const extra = Object.entries(body).filter(([name]) => !known.has(name));
    const lines = named.map(([name, value]) => `    ${name}=${python(value, "    ")},\n`);
    if (extra.length) lines.push(`    extra_body=${python(Object.fromEntries(extra), "    ")},\n`);
    const [whole, streamed] = PYTHON_PRINT[route];
    const after = body.stream === true ? `for event in answer:\n    ${streamed}` : whole;
    return `${head}answer = client.${tester.requests.routes[route].sdk}.create(\n${lines.join("")})\n${after}`;
  }

  const JAVASCRIPT_PRINT = {
    "chat/completions": ["console.log(answer.choices[0].message);", "process.stdout.write(event.choices[0]?.delta?.content ?? \"\");"],
    completions: ["console.log(answer.choices[0].text);", "process.stdout.write(event.choices[0]?.text ?? \"\");"],
    responses: ["console.log(answer.output_text);", "if (event.type === \"response.output_text.delta\") process.stdout.write(event.delta);"],
  };

  function javascriptSdk(request) {
    const head = `import OpenAI from "openai";\n\nconst client = new OpenAI({\n  baseURL: ${quoted(address())},\n  apiKey: ${quoted(token())},\n});\n`;
    const { route, body } = request;
    if (route === "models") return `${head}for await (const model of client.models.list()) console.log(model.id);`;
    const [whole, streamed] = JAVASCRIPT_PRINT[route];
    const after = body.stream === true ? `for await (const event of answer) {\n  ${streamed}\n}` : whole;
    return `${head}const answer = await client.${tester.requests.routes[route].sdk}.create(${javascript(body)});\n${after}`;
  }

  const WAYS = { curl, python: pythonSdk, javascript: javascriptSdk };

  // Writes a request into the three boxes; without one, `why` says what is in the way.
  function show(request, why) {
    for (const [name, write] of Object.entries(WAYS)) {
      tester.element(`${name}-lines`).textContent = request ? write(request) : why;
    }
  }

  tester.snippets = { show, curl, pythonSdk, javascriptSdk };
})();
