// A whole response, its stream by hand, and the stream helper, whose accumulator is strict about orders and ids.
import { args, client, print } from "./client.mjs";

const request = { model: args.model, input: args.prompt, ...args.more };
const whole = await client.responses.create(request);

const events = [];
const stream = await client.responses.create({ ...request, stream: true });
for await (const event of stream) events.push(event);

const helper = client.responses.stream(request);
const deltas = [];
helper.on("response.output_text.delta", (event) => deltas.push(event.delta));
const final = await helper.finalResponse();

print({ whole, events, deltas, final });
