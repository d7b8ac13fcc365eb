// AWS's SDK for JavaScript, as it comes: the runtime client speaks HTTP/2 and nothing else
// (prior knowledge on http://, ALPN on https://), the control-plane client HTTP/1.1.

import { BedrockClient, ListFoundationModelsCommand } from "@aws-sdk/client-bedrock";
import {
  BedrockRuntimeClient,
  ConverseCommand,
  ConverseStreamCommand,
  InvokeModelCommand,
  InvokeModelWithResponseStreamCommand,
} from "@aws-sdk/client-bedrock-runtime";

const { run } = await import(process.env.CASES_MODULE);

const written = (body) => ({ body: JSON.stringify(body), contentType: "application/json" });
const read = (bytes) => JSON.parse(new TextDecoder().decode(bytes));

async function sending(client, command, use) {
  try {
    return await use(await client.send(command), client.config.requestHandler.metadata);
  } finally {
    client.destroy();
  }
}

const create = ({ model, body }) =>
  sending(
    new BedrockRuntimeClient(),
    new InvokeModelCommand({ modelId: model, ...written(body) }),
    (reply, { handlerProtocol }) => ({ message: read(reply.body), protocol: handlerProtocol }),
  );

const stream = ({ model, body }) =>
  sending(
    new BedrockRuntimeClient(),
    new InvokeModelWithResponseStreamCommand({ modelId: model, ...written(body) }),
    async (reply, { handlerProtocol }) => {
      const events = [];
      for await (const { chunk } of reply.body) events.push(read(chunk.bytes));
      return { events, protocol: handlerProtocol };
    },
  );

const converse = ({ model, body }) =>
  sending(
    new BedrockRuntimeClient(),
    new ConverseCommand({ modelId: model, ...body }),
    ({ $metadata, ...reply }, { handlerProtocol }) => ({ ...reply, protocol: handlerProtocol }),
  );

const converse_stream = ({ model, body }) =>
  sending(
    new BedrockRuntimeClient(),
    new ConverseStreamCommand({ modelId: model, ...body }),
    async ({ stream }, { handlerProtocol }) => {
      const events = [];
      for await (const event of stream) events.push(event);
      return { events, protocol: handlerProtocol };
    },
  );

const models = () =>
  sending(
    new BedrockClient(),
    new ListFoundationModelsCommand({ byProvider: "anthropic" }),
    ({ modelSummaries }, { handlerProtocol }) => ({
      summaries: modelSummaries,
      protocol: handlerProtocol,
    }),
  );

function refusal(error) {
  return {
    status: error.$metadata?.httpStatusCode,
    name: error.name,
    message: error.message,
  };
}

await run({ create, stream, converse, converse_stream, models }, refusal);
