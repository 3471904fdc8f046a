import { isDeepStrictEqual } from "node:util";
import type { CalcMessage } from "./messages.ts";

/** In the order of their updates; removals go the other way round. */
const groups = ["settings", "policy", "profile", "endpoint", "hostEndpoint", "nat", "advert", "bgp"] as const;

type Group = (typeof groups)[number];

/** Keeps the newest message for every object until it is asked for them, and drops what has been told already. */
export class Sequencer {
  readonly #told = new Map<string, CalcMessage>();
  readonly #waiting = new Map<Group, Map<string, CalcMessage | undefined>>();

  /** `message` undefined: the object is gone. */
  put(group: Group, id: string, message: CalcMessage | undefined): void {
    const waiting = this.#waiting.get(group);
    if (waiting === undefined) this.#waiting.set(group, new Map([[id, message]]));
    else waiting.set(id, message);
  }

  flush(sets: { readonly updates: readonly CalcMessage[]; readonly removals: readonly CalcMessage[] }): CalcMessage[] {
    const updates = [...sets.updates];
    const removals = [...sets.removals];
    for (const group of groups) {
      const gone: CalcMessage[] = [];
      for (const [id, message] of [...(this.#waiting.get(group) ?? [])].sort(compareIds)) {
        const key = `${group} ${id}`;
        const told = this.#told.get(key);
        if (message === undefined) {
          if (this.#told.delete(key)) gone.push(...removalOf(group, id));
        } else if (!isDeepStrictEqual(told, message)) {
          this.#told.set(key, message);
          updates.push(message);
        }
      }
      removals.unshift(...gone);
    }
    this.#waiting.clear();
    return [...updates, ...removals];
  }
}

function compareIds([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

function removalOf(group: Group, id: string): CalcMessage[] {
  switch (group) {
    case "policy":
      return [{ type: "policyRemove", id }];
    case "profile":
      return [{ type: "profileRemove", id }];
    case "endpoint":
      return [{ type: "endpointRemove", id }];
    case "hostEndpoint":
      return [{ type: "hostEndpointRemove", id }];
    // There is always one of these.
    case "settings":
    case "nat":
    case "advert":
    case "bgp":
      return [];
  }
}
