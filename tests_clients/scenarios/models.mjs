// The list of models, page by page as the SDK reads it, and one of them.
import { args, client, print } from "./client.mjs";

const listed = [];
for await (const model of client.models.list()) listed.push(model);
print({ listed, one: await client.models.retrieve(args.model) });
