// The SDK's own tool loop: it runs the functions that the model calls and sends their results.
import { args, client, print, user, weather } from "./client.mjs";

const asked = [];
const runner = client.chat.completions.runTools({
  model: args.model,
  stream: args.stream,
  messages: [user(args.prompt)],
  tools: [
    {
      type: "function",
      function: {
        ...weather,
        parse: JSON.parse,
        function: ({ city }) => {
          asked.push(city);
          return `sunny in ${city}`;
        },
      },
    },
  ],
});
const content = await runner.finalContent();
print({ asked, content, messages: runner.messages });
