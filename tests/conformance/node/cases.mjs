// Runs the cases that a test wrote down, with one client, and tells what became of each.
//
// The rules are those of ../clients/cases.py: a case's `environ` is set while it runs; one line of
// JSON a case goes to stdout; a client's error is an outcome, never the end of the run.

import { readFileSync } from "node:fs";

/**
 * Runs every case of the file that the command line names.
 *
 * @param operations operation (`create`, `stream`) → what does it, given the case
 * @param refusal what the client's error says: `status`, `name`, `message`
 */
export async function run(operations, refusal) {
  for (const { voice, name, operation, ...given } of JSON.parse(readFileSync(process.argv[2]))) {
    const before = { ...process.env };
    Object.assign(process.env, given.environ);
    let outcome;
    try {
      outcome = { reply: await operations[operation](given) };
    } catch (error) {
      outcome = { refusal: { error: error.constructor.name, ...refusal(error) } };
    }
    for (const added of Object.keys(given.environ)) delete process.env[added];
    Object.assign(process.env, before);
    console.log(JSON.stringify({ voice, name, ...outcome }));
  }
}
