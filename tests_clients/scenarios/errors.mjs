// Which error class the SDK raises for each request, whole and streamed, and what it says.
import { args, client, OpenAI, print, user } from "./client.mjs";

const sorts = Object.entries(OpenAI).filter(([, value]) => value?.prototype instanceof Error);

const describe = (error) => ({
  name: error.constructor.name,
  known: sorts.some(([, sort]) => error.constructor === sort),
  status: error.status ?? null,
  code: error.code ?? null,
  type: error.type ?? null,
  param: error.param ?? null,
  message: error.message,
  requestId: error.requestID ?? null,
});

const found = [];
for (const { prompt, model = args.model, key, stream = false, responses = false } of args.requests) {
  const sdk = key ? client.withOptions({ apiKey: key }) : client;
  try {
    const answer = responses
      ? await sdk.responses.create({ model, input: prompt, stream })
      : await sdk.chat.completions.create({ model, messages: [user(prompt)], stream });
    if (stream) for await (const event of answer) void event;
    found.push(null);
  } catch (error) {
    found.push(describe(error));
  }
}
print(found);
