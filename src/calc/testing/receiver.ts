import assert from "node:assert/strict";
import type { ActivePolicy, CalcMessage, LocalEndpoint, LocalHostEndpoint, SetMembers } from "../messages.ts";

/** Does what a dataplane does with the messages: keeps the whole, and minds that nothing refers to what is not there. */
export class Receiver {
  readonly #sets = new Map<string, { readonly type: SetMembers["type"]; readonly members: Set<string> }>();
  readonly #policies = new Map<string, ActivePolicy>();
  readonly #profiles = new Map<string, ActivePolicy>();
  readonly #endpoints = new Map<string, LocalEndpoint>();
  readonly #hostEndpoints = new Map<string, LocalHostEndpoint>();
  readonly #singles = new Map<string, CalcMessage>();

  receiveAll(messages: readonly CalcMessage[]): void {
    for (const message of messages) this.#receive(message);
    const used = new Set([...this.#policies.values(), ...this.#profiles.values()].flatMap(setsOf));
    assert.deepEqual([...this.#sets.keys()].sort(), [...used].sort(), "exactly the sets that rules use are there");
  }

  /** All that was told and still holds, ready to be compared. */
  state(): unknown {
    const sorted = <V>(map: ReadonlyMap<string, V>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      sets: sorted(this.#sets).map(([id, { type, members }]) => [id, type, [...members].sort()]),
      policies: sorted(this.#policies),
      profiles: sorted(this.#profiles),
      endpoints: sorted(this.#endpoints),
      hostEndpoints: sorted(this.#hostEndpoints),
      singles: sorted(this.#singles),
    };
  }

  get endpoints(): ReadonlyMap<string, LocalEndpoint> {
    return this.#endpoints;
  }

  get hostEndpoints(): ReadonlyMap<string, LocalHostEndpoint> {
    return this.#hostEndpoints;
  }

  get policies(): ReadonlyMap<string, ActivePolicy> {
    return this.#policies;
  }

  get profiles(): ReadonlyMap<string, ActivePolicy> {
    return this.#profiles;
  }

  membersOf(id: string): string[] | undefined {
    const set = this.#sets.get(id);
    return set === undefined ? undefined : [...set.members].sort();
  }

  #receive(message: CalcMessage): void {
    switch (message.type) {
      case "setUpdate":
        this.#sets.set(message.id, { type: message.members.type, members: new Set(textsOf(message.members)) });
        break;
      case "setChange": {
        const set = this.#sets.get(message.id);
        assert.ok(set, "a set is there before it changes");
        for (const member of textsOf(message.added)) {
          assert.ok(!set.members.has(member), "what is added was not a member");
          set.members.add(member);
        }
        for (const member of textsOf(message.removed))
          assert.ok(set.members.delete(member), "what is removed was a member");
        break;
      }
      case "setRemove":
        assert.ok(
          ![...this.#policies.values(), ...this.#profiles.values()].some((p) => setsOf(p).includes(message.id)),
        );
        assert.ok(this.#sets.delete(message.id));
        break;
      case "policyUpdate":
        this.#rules(message.policy, this.#policies);
        break;
      case "policyRemove":
        for (const endpoint of this.#endpoints.values()) assert.ok(!policiesOf(endpoint).includes(message.id));
        for (const endpoint of this.#hostEndpoints.values()) assert.ok(!hostPoliciesOf(endpoint).includes(message.id));
        assert.ok(this.#policies.delete(message.id));
        break;
      case "profileUpdate":
        this.#rules(message.profile, this.#profiles);
        break;
      case "profileRemove":
        assert.ok(this.#profiles.delete(message.id));
        break;
      case "endpointUpdate":
        for (const id of policiesOf(message.endpoint)) assert.ok(this.#policies.has(id), `${id} is there`);
        this.#endpoints.set(message.endpoint.id, message.endpoint);
        break;
      case "endpointRemove":
        assert.ok(this.#endpoints.delete(message.id));
        break;
      case "hostEndpointUpdate":
        for (const id of hostPoliciesOf(message.endpoint)) assert.ok(this.#policies.has(id), `${id} is there`);
        this.#hostEndpoints.set(message.endpoint.id, message.endpoint);
        break;
      case "hostEndpointRemove":
        assert.ok(this.#hostEndpoints.delete(message.id));
        break;
      case "settingsUpdate":
      case "natUpdate":
      case "advertUpdate":
      case "bgpUpdate":
        this.#singles.set(message.type, message);
        break;
    }
  }

  #rules(policy: ActivePolicy, target: Map<string, ActivePolicy>): void {
    for (const id of setsOf(policy)) assert.ok(this.#sets.has(id), `the set ${id} is there`);
    target.set(policy.id, policy);
  }
}

function textsOf(members: SetMembers): string[] {
  if (members.type === "nets") return [...members.nets];
  return members.ports.map(({ address, protocol, port }) => `${address} ${protocol} ${port}`);
}

function setsOf({ ingress, egress }: ActivePolicy): string[] {
  return [...ingress, ...egress].flatMap(({ source, destination }) =>
    [source, destination].flatMap(({ inSet, notInSet, ports, notPorts }) => [
      ...(inSet === undefined ? [] : [inSet]),
      ...(notInSet === undefined ? [] : [notInSet]),
      ...(ports?.inSets ?? []),
      ...(notPorts?.inSets ?? []),
    ]),
  );
}

function policiesOf({ tiers }: LocalEndpoint): string[] {
  return tiers.flatMap(({ ingress, egress }) => [...ingress, ...egress]);
}

function hostPoliciesOf({ normal, forward, untracked, preDnat }: LocalHostEndpoint): string[] {
  return [normal, forward, untracked, preDnat].flat().flatMap(({ ingress, egress }) => [...ingress, ...egress]);
}
