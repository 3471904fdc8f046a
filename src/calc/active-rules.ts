import type { Profile } from "../resources/index.ts";
import type { MemberSets, SetDefinition } from "./member-sets.ts";
import type { ActivePolicy } from "./messages.ts";
import type { PolicyResource } from "./policy.ts";
import { RuleTranslator } from "./translate-rule.ts";

/** Annotation of a policy: `"true"` has connections ended that it comes to forbid. */
const cutFlows = "tortie/cut-flows";

/** What rules are made of: a policy or a profile, under its id. */
type Source = PolicyResource | Profile;

type Entry = {
  source: Source | undefined;
  isUsed: boolean;
  /** Ids of the sets that its rules look at, as long as they are given out. */
  setIds: readonly string[];
};

/** Translates the rules of policies (or profiles) in use, and keeps the sets that those rules look at. */
export class ActiveRules {
  readonly #sets: UsedSets;
  readonly #entries = new Map<string, Entry>();
  readonly #dirty = new Set<string>();

  constructor(sets: UsedSets) {
    this.#sets = sets;
  }

  setSource(id: string, source: Source | undefined): void {
    this.#entry(id).source = source;
    this.#dirty.add(id);
  }

  setUsed(id: string, isUsed: boolean): void {
    this.#entry(id).isUsed = isUsed;
    this.#dirty.add(id);
  }

  /** Those that have changed since the last time; undefined for what is gone or not in use any more. */
  takeChanged(): [id: string, policy: ActivePolicy | undefined][] {
    const changed: [string, ActivePolicy | undefined][] = [];
    for (const id of this.#dirty) {
      const entry = this.#entry(id);
      const { source, isUsed } = entry;
      const released = entry.setIds;
      if (isUsed && source !== undefined) {
        const { policy, sets } = translate(id, source);
        changed.push([id, policy]);
        entry.setIds = [...sets.keys()];
        for (const [setId, definition] of sets) this.#sets.retain(setId, definition);
      } else {
        changed.push([id, undefined]);
        entry.setIds = [];
        if (!isUsed && source === undefined) this.#entries.delete(id);
      }
      for (const setId of released) this.#sets.release(setId);
    }
    this.#dirty.clear();
    return changed;
  }

  #entry(id: string): Entry {
    let entry = this.#entries.get(id);
    if (entry === undefined) {
      entry = { source: undefined, isUsed: false, setIds: [] };
      this.#entries.set(id, entry);
    }
    return entry;
  }
}

/** Counts who uses which set; only sets in use are kept. */
export class UsedSets {
  readonly #members: MemberSets;
  readonly #countById = new Map<string, { readonly definition: SetDefinition; count: number; isDefined: boolean }>();
  readonly #dirty = new Set<string>();

  constructor(members: MemberSets) {
    this.#members = members;
  }

  retain(id: string, definition: SetDefinition): void {
    const entry = this.#countById.get(id);
    if (entry === undefined) this.#countById.set(id, { definition, count: 1, isDefined: false });
    else entry.count++;
    this.#dirty.add(id);
  }

  release(id: string): void {
    const entry = this.#countById.get(id);
    if (entry !== undefined) entry.count--;
    this.#dirty.add(id);
  }

  /** Makes and drops sets, once all users have had their say. */
  settle(): void {
    for (const id of this.#dirty) {
      const entry = this.#countById.get(id);
      if (entry === undefined) continue;
      if (entry.count > 0 && !entry.isDefined) {
        entry.isDefined = true;
        this.#members.define(id, entry.definition);
      } else if (entry.count === 0) {
        if (entry.isDefined) this.#members.forget(id);
        this.#countById.delete(id);
      }
    }
    this.#dirty.clear();
  }
}

function translate(id: string, source: Source): { policy: ActivePolicy; sets: ReadonlyMap<string, SetDefinition> } {
  const translator = new RuleTranslator(source.kind === "NetworkPolicy" ? source.metadata.namespace : undefined);
  const hasType = (type: "Ingress" | "Egress") => source.kind === "Profile" || source.spec.types.includes(type);
  const { ingress = [], egress = [] } = source.spec;
  const policy: ActivePolicy = {
    id,
    tier: source.kind === "Profile" ? "" : source.spec.tier,
    // Rules of a direction that the policy does not have mean nothing.
    ingress: hasType("Ingress") ? ingress.map((rule) => translator.translate(rule)) : [],
    egress: hasType("Egress") ? egress.map((rule) => translator.translate(rule)) : [],
    ...(source.metadata.annotations?.[cutFlows] === "true" ? { cutsFlows: true } : {}),
  };
  return { policy, sets: translator.sets };
}
