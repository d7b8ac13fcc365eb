// Anthropic's own TypeScript SDK for Bedrock: create, stream, and the stream helper.

import { AnthropicBedrock } from "@anthropic-ai/bedrock-sdk";

const { run } = await import(process.env.CASES_MODULE);

const client = () => new AnthropicBedrock({ maxRetries: 0 });

async function create({ model, body }) {
  return { message: await client().messages.create({ model, ...body }) };
}

async function stream({ model, body }) {
  const events = [];
  for await (const event of await client().messages.create({ model, ...body, stream: true })) {
    events.push(event);
  }
  return { events };
}

async function assemble({ model, body }) {
  const texts = [];
  const helper = client().messages.stream({ model, ...body });
  helper.on("text", (text) => texts.push(text));
  return { message: await helper.finalMessage(), texts };
}

function refusal(error) {
  if (error.status === undefined) return { message: String(error) };
  return {
    status: error.status,
    name: error.headers?.get("x-amzn-errortype")?.split(":")[0],
    message: error.error?.message ?? error.error?.Message ?? error.message,
  };
}

await run({ create, stream, assemble }, refusal);
