// A whole answer, the same streamed by hand, and the same through the SDK's stream helper.
import { args, client, print, user } from "./client.mjs";

const request = { model: args.model, messages: [user(args.prompt)] };
const whole = await client.chat.completions.create(request);

const chunks = [];
const stream = await client.chat.completions.create({
  ...request,
  stream: true,
  stream_options: { include_usage: true },
});
for await (const chunk of stream) chunks.push(chunk);

const helper = client.chat.completions.stream({ ...request, stream_options: { include_usage: true } });
const deltas = [];
helper.on("content", (delta) => deltas.push(delta));
const final = await helper.finalChatCompletion();

print({ whole, chunks, deltas, final, usage: await helper.totalUsage() });
