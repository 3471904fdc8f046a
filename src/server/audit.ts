import type { ServerResponse } from "node:http";
import { type Identity, type Verb, formatIdentity } from "../access/index.ts";
import type { LogFields, Logger } from "../lib/index.ts";
import type { ApiPath } from "./api-path.ts";
import type { Caller } from "./caller.ts";

const readVerbs: ReadonlySet<Verb> = new Set(["get", "list", "watch"]);

/** What is asked for, in the words of authorization. */
export function verbOf(method: string, path: ApiPath, isWatch: boolean): Verb {
  if (method === "POST") return "create";
  if (method === "PUT") return "update";
  if (method === "PATCH") return "patch";
  if (method === "DELETE") return path.name === undefined ? "deletecollection" : "delete";
  return path.name !== undefined ? "get" : isWatch ? "watch" : "list";
}

/** One line for each write, and for each read that was refused; nothing of what was sent or answered. */
export function auditObject(log: Logger, caller: Caller, verb: Verb, path: ApiPath, response: ServerResponse): void {
  const { definition, namespace, name, subresource } = path;
  response.once("close", () => {
    if (readVerbs.has(verb) && response.statusCode !== 403) return;
    const fields = { verb, resource: definition.plural, namespace, name, subresource };
    writeAudit(log, caller, { ...fields, outcome: response.headersSent ? response.statusCode : "not answered" });
  });
}

export function writeAudit(log: Logger, { identity, from }: Caller, fields: LogFields): void {
  log.info("audit", { who: whoIs(identity), from, ...fields });
}

function whoIs(identity: Identity | undefined): string {
  return identity === undefined ? "nobody" : formatIdentity(identity);
}

/** So many different refusals are counted at once. */
const maxCounted = 1000;

/** Who is refused asks again, and again: told at the first time, the tenth, the hundredth. */
export class RefusalLog {
  readonly #log: Logger;
  readonly #countByText = new Map<string, number>();

  constructor(log: Logger) {
    this.#log = log;
  }

  note(from: string, why: string): void {
    const key = `${from} ${why}`;
    if (this.#countByText.size >= maxCounted && !this.#countByText.has(key)) this.#countByText.clear();
    const times = (this.#countByText.get(key) ?? 0) + 1;
    this.#countByText.set(key, times);
    if (Number.isInteger(Math.log10(times))) this.#log.warn("somebody was turned away", { from, why, times });
  }
}
