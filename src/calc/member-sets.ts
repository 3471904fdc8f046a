import { type Cidr, cidrAddress } from "../lib/index.ts";
import type { Selector } from "../selector/index.ts";
import { LabelIndex, type Labels } from "./label-index.ts";
import type { CalcMessage, PortMember, SetMembers } from "./messages.ts";

/** What a set holds. Sets with the same id have the same definition. */
export type SetDefinition =
  | { readonly type: "nets"; readonly selector: Selector }
  /** Those who offer a port of that name; of any protocol when none is given. */
  | { readonly type: "ports"; readonly selector: Selector; readonly portName: string; readonly protocol?: number };

/** A workload endpoint or network set, as a possible member of sets. */
export type SetItem = {
  readonly labels: Labels;
  readonly parents: readonly string[];
  readonly nets: readonly Cidr[];
  readonly ports: readonly NamedPort[];
};

type NamedPort = { readonly name: string; readonly protocol: number; readonly port: number };

type Member = Cidr | PortMember;

/** The members of every set that is in use, from the labels of all endpoints and network sets of the cluster. */
export class MemberSets {
  readonly #items = new Map<string, SetItem>();
  readonly #sets = new Map<string, CountedSet>();
  readonly #index = new LabelIndex({
    onMatch: (setId, itemId) => this.#changeMembers(setId, itemId, "add"),
    onUnmatch: (setId, itemId) => this.#changeMembers(setId, itemId, "remove"),
  });
  /** Ids that the receiver of messages knows. */
  readonly #told = new Set<string>();
  /** Ids of sets that may differ from what was told. */
  readonly #dirty = new Set<string>();

  setItem(id: string, item: SetItem): void {
    const old = this.#items.get(id);
    this.#items.set(id, item);
    if (old !== undefined) {
      for (const setId of this.#index.selectorsOf(id)) {
        const set = this.#sets.get(setId);
        if (set === undefined) continue;
        set.addAll(item);
        set.removeAll(old);
        this.#dirty.add(setId);
      }
    }
    this.#index.setItem(id, item.labels, item.parents);
  }

  deleteItem(id: string): void {
    this.#index.deleteItem(id);
    this.#items.delete(id);
  }

  setParent(name: string, labels: Labels | undefined): void {
    this.#index.setParent(name, labels);
  }

  define(id: string, definition: SetDefinition): void {
    this.#sets.set(id, new CountedSet(definition));
    this.#dirty.add(id);
    this.#index.addSelector(id, definition.selector);
  }

  forget(id: string): void {
    this.#sets.delete(id);
    this.#dirty.add(id);
    this.#index.deleteSelector(id);
  }

  /** What has changed since the last time, ordered by id. */
  flush(): { readonly updates: CalcMessage[]; readonly removals: CalcMessage[] } {
    const updates: CalcMessage[] = [];
    const removals: CalcMessage[] = [];
    for (const id of [...this.#dirty].sort()) {
      const set = this.#sets.get(id);
      if (set === undefined) {
        if (this.#told.delete(id)) removals.push({ type: "setRemove", id });
        continue;
      }
      this.#told.add(id);
      updates.push(...set.flush(id));
    }
    this.#dirty.clear();
    return { updates, removals };
  }

  #changeMembers(setId: string, itemId: string, change: "add" | "remove"): void {
    const set = this.#sets.get(setId);
    const item = this.#items.get(itemId);
    if (set === undefined || item === undefined) return;
    if (change === "add") set.addAll(item);
    else set.removeAll(item);
    this.#dirty.add(setId);
  }
}

/** A set whose members stay as long as one of the items that brought them does. */
class CountedSet {
  readonly #definition: SetDefinition;
  readonly #countByKey = new Map<string, { readonly member: Member; count: number }>();
  /** Undefined: nothing has been told yet. */
  #delta: { readonly added: Map<string, Member>; readonly removed: Map<string, Member> } | undefined;

  constructor(definition: SetDefinition) {
    this.#definition = definition;
  }

  addAll(item: SetItem): void {
    for (const [key, member] of membersOf(this.#definition, item)) {
      const entry = this.#countByKey.get(key);
      if (entry !== undefined) {
        entry.count++;
        continue;
      }
      this.#countByKey.set(key, { member, count: 1 });
      if (this.#delta?.removed.delete(key) === false) this.#delta.added.set(key, member);
    }
  }

  removeAll(item: SetItem): void {
    for (const [key, member] of membersOf(this.#definition, item)) {
      const entry = this.#countByKey.get(key);
      if (entry === undefined || --entry.count > 0) continue;
      this.#countByKey.delete(key);
      if (this.#delta?.added.delete(key) === false) this.#delta.removed.set(key, member);
    }
  }

  flush(id: string): CalcMessage[] {
    const delta = this.#delta;
    this.#delta = { added: new Map(), removed: new Map() };
    const { type } = this.#definition;
    if (delta === undefined) {
      const all = new Map([...this.#countByKey].map(([key, { member }]) => [key, member]));
      return [{ type: "setUpdate", id, members: toMembers(type, all) }];
    }
    if (delta.added.size === 0 && delta.removed.size === 0) return [];
    return [{ type: "setChange", id, added: toMembers(type, delta.added), removed: toMembers(type, delta.removed) }];
  }
}

/** By a text that is unique in the set; without repeats. */
function membersOf(definition: SetDefinition, item: SetItem): Map<string, Member> {
  if (definition.type === "nets") return new Map(item.nets.map((net) => [net, net]));
  const members = new Map<string, Member>();
  for (const { name, protocol, port } of item.ports) {
    if (name !== definition.portName || (definition.protocol ?? protocol) !== protocol) continue;
    for (const net of item.nets) {
      members.set(`${net} ${protocol} ${port}`, { address: cidrAddress(net), protocol, port });
    }
  }
  return members;
}

function toMembers(type: SetDefinition["type"], members: ReadonlyMap<string, Member>): SetMembers {
  const sorted = [...members].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, member]) => member);
  if (type === "nets") return { type, nets: sorted.filter((member) => typeof member === "string") };
  return { type, ports: sorted.filter((member) => typeof member !== "string") };
}
