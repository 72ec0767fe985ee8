// A classic completion, whole and streamed.
import { args, client, print } from "./client.mjs";

const request = { model: args.model, prompt: args.prompt };
const whole = await client.completions.create(request);
const pieces = [];
const stream = await client.completions.create({ ...request, stream: true });
for await (const chunk of stream) for (const choice of chunk.choices) pieces.push(choice.text);
print({ whole, pieces });
