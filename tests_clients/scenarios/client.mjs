// The SDK set from OPENAI_BASE_URL and OPENAI_API_KEY, the scenario's arguments, and its one line of output.
import OpenAI from "openai";

export { OpenAI };

// No retries: a scenario shows what one request was answered.
export const client = new OpenAI({ maxRetries: 0 });
export const args = JSON.parse(process.argv[2]);
export const print = (document) => console.log(JSON.stringify(document));

export const user = (text) => ({ role: "user", content: text });

export const weather = {
  name: "get_weather",
  description: "Tells the weather",
  parameters: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
    additionalProperties: false,
  },
};
