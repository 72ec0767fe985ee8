// A function call and its result: the stateless way (all items are sent again) or by previous_response_id.
import { args, client, print, weather } from "./client.mjs";

const tools = [{ type: "function", strict: true, ...weather }];
const first = await client.responses.stream({ model: args.model, input: args.prompt, tools }).finalResponse();
const results = first.output
  .filter((item) => item.type === "function_call")
  .map((call) => ({
    type: "function_call_output",
    call_id: call.call_id,
    output: `sunny in ${JSON.parse(call.arguments).city}`,
  }));
const question = { role: "user", content: args.prompt };
const followUp = args.stateless
  ? { input: [question, ...first.output, ...results], store: false }
  : { input: results, previous_response_id: first.id };
const second = await client.responses.stream({ model: args.model, tools, ...followUp }).finalResponse();
print({ first, second });
