// Runs the cases that a test wrote down, with one client, and tells what became of each.
//
// The rules are those of ../clients/cases.py: a case's `environ` is set while it runs; one line of
// JSON a case goes to stdout; what a body's
// marks stand for is put in before; a client's error is an outcome, never the end of the run.

import { readFileSync } from "node:fs";

/**
 * Runs every case of the file that the command line names.
 *
 * @param operations operation (`create`, `stream`) → what does it, given the case
 * @param refusal what the client's error says: `status`, `name`, `message`
 */
export async function run(operations, refusal) {
  const replies = {};
  for (const { voice, name, operation, ...given } of JSON.parse(readFileSync(process.argv[2]))) {
    const before = { ...process.env };
    Object.assign(process.env, given.environ);
    let outcome;
    try {
      const body = filled(given.body, name, replies);
      const reply = await operations[operation]({ ...given, body });
      replies[name] = reply;
      outcome = { reply };
    } catch (error) {
      outcome = { refusal: { error: error.constructor.name, ...refusal(error) } };
    }
    for (const added of Object.keys(given.environ)) delete process.env[added];
    Object.assign(process.env, before);
    console.log(JSON.stringify({ voice, name, ...outcome }));
  }
}

/** A body with what its marks stand for. */
function filled(value, name, replies) {
  if (Array.isArray(value)) return value.map((item) => filled(item, name, replies));
  if (value === null || typeof value !== "object") return value;
  if ("$bytes" in value) return Uint8Array.from(Buffer.from(value.$bytes, "base64"));
  if ("$json" in value) return JSON.stringify(value.$json);
  for (const mark of ["$content_of", "$tool_id_of"]) {
    if (!(mark in value)) continue;
    const way = name.split(":")[1].replace("-stream", "");
    const reply = replies[`${value[mark]}:${way}`];
    const { content } = reply.message ?? reply.output.message;
    return mark === "$content_of" ? content : toolId(content);
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, filled(item, name, replies)]),
  );
}

/** The ID of the tool call in a message. */
function toolId(content) {
  const call = content.find((block) => block.type === "tool_use" || block.toolUse);
  return call.id ?? call.toolUse.toolUseId;
}
