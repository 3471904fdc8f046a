import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeLab } from "./decode-lab.ts";
import { describeChanges, diffParts } from "./diff-parts.ts";
import { type LabPart, partKey } from "./lab-part.ts";
import { planLab } from "./plan-lab.ts";

type LabJson = { readonly name: string; readonly hosts: readonly unknown[]; readonly [member: string]: unknown };
type Running = { readonly numbers: ReadonlyMap<string, number>; readonly parts: readonly LabPart[] };

const nothing: Running = { numbers: new Map(), parts: [] };
const threeHosts: LabJson = {
  name: "t",
  fabric: { type: "spines", count: 2 },
  hosts: [
    { name: "a", workloads: [{ name: "w1" }, { name: "w2", namespace: "shop", profile: "open" }] },
    { name: "b", labels: { rack: "7" }, workloads: [{ name: "w3", labels: { role: "db" } }] },
    { name: "c" },
  ],
};
const policy = {
  apiVersion: "projectcalico.org/v3",
  kind: "NetworkPolicy",
  metadata: { name: "p", namespace: "shop" },
  spec: {},
};

function plan(json: LabJson, running: Running = nothing, isBare = false): Running {
  const decoded = decodeLab(json);
  assert.ok(decoded.ok, JSON.stringify(decoded));
  return planLab(decoded.value, { numbers: running.numbers, isBare });
}

function changesOf(running: Running, next: LabJson) {
  const present = new Map(running.parts.map((part) => [partKey(part), part]));
  return diffParts(present, plan(next, running).parts);
}

function keys(parts: readonly LabPart[], type: string): string[] {
  return parts.map(partKey).filter((key) => key.startsWith(`${type}/`));
}

test("a routed fabric has a namespace and a process for each spine, and each host a link to each", () => {
  const { parts } = plan(threeHosts);
  assert.deepEqual(
    keys(parts, "namespace"),
    ["server", "spine-1", "spine-2", "a", "b", "c", "w1", "w2", "w3"].map((name) => `namespace/${name}`),
  );
  assert.deepEqual(
    keys(parts, "link"),
    ["a/eth0", "a/eth1", "b/eth0", "b/eth1", "c/eth0", "c/eth1", "server/eth0", "server/eth1"].map(
      (name) => `link/${name}`,
    ),
  );
  assert.deepEqual(
    keys(parts, "process"),
    ["server", "spine-1", "spine-2", "a", "b", "c"].map((name) => `process/${name}`),
  );
  assert.deepEqual(keys(parts, "workload"), ["workload/w1", "workload/w2", "workload/w3"]);
});

test("on a routed fabric every host has an AS of its own, a session over each address of each link, and no mesh", () => {
  const { parts } = plan(threeHosts);
  const resources = parts.flatMap((part) => (part.type === "resource" ? [part.resource] : []));
  const find = (kind: string, name: string) =>
    resources.find((resource) => resource.kind === kind && resource.metadata.name === name);
  assert.deepEqual(find("Node", "b"), {
    apiVersion: "projectcalico.org/v3",
    kind: "Node",
    metadata: { name: "b", labels: { rack: "7" } },
    spec: { bgp: { ipv4Address: "172.30.0.2/32", ipv6Address: "fd00:30::2/128", asNumber: 4200000002 } },
  });
  assert.deepEqual(find("BGPConfiguration", "default")?.spec, { nodeToNodeMeshEnabled: false });
  assert.equal(resources.filter(({ kind }) => kind === "BGPPeer").length, 3 * 2 * 2);
  assert.deepEqual(find("BGPPeer", "b-spine-2-v6")?.spec, {
    node: "b",
    peerIP: "fd00:31:0:2::4",
    asNumber: 65000,
    sourceAddress: "None",
  });
});

test("a segment is one bridged namespace, with the mesh as it is by default", () => {
  const { parts } = plan({ ...threeHosts, fabric: { type: "segment" } });
  assert.deepEqual(keys(parts, "namespace")[0], "namespace/server");
  assert.deepEqual(keys(parts, "link"), ["link/a/eth0", "link/b/eth0", "link/c/eth0", "link/server/eth0"]);
  assert.ok(parts.every((part) => part.type !== "link" || (part.isBridged && part.fabric.addresses.length === 0)));
  assert.deepEqual(
    keys(parts, "process"),
    ["server", "a", "b", "c"].map((name) => `process/${name}`),
  );
  assert.ok(parts.every((part) => part.type !== "resource" || !part.resource.kind.startsWith("BGP")));
});

test("an object of the file takes the place of the lab's own of the same name, and its namespace is made", () => {
  const own = {
    apiVersion: "projectcalico.org/v3",
    kind: "BGPConfiguration",
    metadata: { name: "default" },
    spec: { listenPort: 1179 },
  };
  const { parts } = plan({ ...threeHosts, resources: [{ ...policy, metadata: { name: "p", namespace: "far" } }, own] });
  const resources = parts.flatMap((part) => (part.type === "resource" ? [part.resource] : []));
  assert.deepEqual(
    resources.filter(({ kind }) => kind === "BGPConfiguration").map(({ spec }) => spec),
    [{ listenPort: 1179 }],
  );
  const namespaces = resources.filter(({ kind }) => kind === "Namespace").map(({ metadata }) => metadata.name);
  assert.deepEqual(namespaces, ["default", "shop", "far"]);
  assert.ok(resources.slice(0, namespaces.length).every(({ kind }) => kind === "Namespace"));
});

test("a bare lab has namespaces, links and spines only", () => {
  const { parts } = plan(threeHosts, nothing, true);
  assert.deepEqual(keys(parts, "process"), ["process/spine-1", "process/spine-2"]);
  assert.deepEqual([...keys(parts, "resource"), ...keys(parts, "workload")], []);
  assert.equal(keys(parts, "namespace").length, 8);
});

test("keys of parts are unique", () => {
  const { parts } = plan(threeHosts);
  assert.equal(new Set(parts.map(partKey)).size, parts.length);
});

test("the same file again changes nothing", () => {
  assert.deepEqual(changesOf(plan(threeHosts), threeHosts), []);
});

test("a new host is added, and the spines learn of it without a restart", () => {
  const changes = changesOf(plan(threeHosts), { ...threeHosts, hosts: [{ name: "0" }, ...threeHosts.hosts] });
  assert.deepEqual(describeChanges(changes), ["host 0 added"]);
  assert.ok(changes.every(({ type }) => type === "put"));
  const inPlace = changes.filter((change) => change.type === "put" && change.present !== undefined);
  assert.deepEqual(
    inPlace.map(({ part }) => partKey(part)),
    ["process/spine-1", "process/spine-2"],
  );
});

test("a host that goes takes its workloads, processes, objects, links and namespaces with it, in that order", () => {
  const [, ...rest] = threeHosts.hosts;
  const changes = changesOf(plan(threeHosts), { ...threeHosts, hosts: rest });
  assert.deepEqual(describeChanges(changes), ["workload w2 removed", "workload w1 removed", "host a removed"]);
  const removed = changes.filter(({ type }) => type === "remove").map(({ part }) => part.type);
  assert.deepEqual([...new Set(removed)], ["workload", "process", "resource", "link", "namespace"]);
  const touched = changes.map(({ part }) => partKey(part)).filter((key) => /\/[bc](\/|$)|\/w3$/.test(key));
  assert.deepEqual(touched, []);
});

test("a workload with other labels is attached again, one on another host detached before", () => {
  const hosts = [
    { name: "a", workloads: [{ name: "w1", labels: { x: "y" } }] },
    {
      name: "b",
      labels: { rack: "7" },
      workloads: [
        { name: "w2", namespace: "shop", profile: "open" },
        { name: "w3", labels: { role: "db" } },
      ],
    },
    { name: "c" },
  ];
  const changes = changesOf(plan(threeHosts), { ...threeHosts, hosts });
  assert.deepEqual(describeChanges(changes).toSorted(), ["workload w1 changed", "workload w2 changed"]);
  assert.deepEqual(
    changes.map(({ type, part }) => `${type} ${partKey(part)}`),
    ["remove workload/w2", "put workload/w1", "put workload/w2"],
  );
});

test("objects of the file and pools are told by their names", () => {
  const running = plan({ ...threeHosts, resources: [policy] });
  assert.deepEqual(describeChanges(changesOf(running, threeHosts)), ["networkpolicy shop/p removed"]);
  const changed = { ...threeHosts, resources: [{ ...policy, spec: { order: 5 } }], pools: [{ cidr: "10.65.0.0/16" }] };
  assert.deepEqual(describeChanges(changesOf(running, changed)), [
    "pool fd00:65::/64 removed",
    "networkpolicy shop/p changed",
  ]);
});

test("from any lab to any other, the changes lead from one set of parts to the other", () => {
  const workloads = fc.uniqueArray(fc.constantFrom("w1", "w2", "w3", "w4"), { maxLength: 4 });
  const labJson = fc
    .record({
      names: fc.uniqueArray(fc.constantFrom("a", "b", "c", "d"), { minLength: 1, maxLength: 4 }),
      workloads,
      count: fc.integer({ min: 1, max: 3 }),
    })
    .map(({ names, workloads, count }) => ({
      name: "t",
      fabric: { type: "spines", count },
      hosts: names.map((name, at) => ({
        name,
        workloads: workloads.filter((_, of) => of % names.length === at).map((workload) => ({ name: workload })),
      })),
    }));
  fc.assert(
    fc.property(labJson, labJson, (before, after) => {
      const running = plan(before);
      const next = plan(after, running);
      const present = new Map(running.parts.map((part) => [partKey(part), part]));
      for (const change of diffParts(new Map(present), next.parts)) {
        const key = partKey(change.part);
        if (change.type === "remove") assert.ok(present.delete(key));
        else {
          assert.equal(present.has(key), change.present !== undefined, key);
          present.set(key, change.part);
        }
      }
      assert.deepEqual(
        [...present].toSorted(([a], [b]) => a.localeCompare(b)),
        next.parts.map((part) => [partKey(part), part] as const).toSorted(([a], [b]) => a.localeCompare(b)),
      );
    }),
    { numRuns: 30 },
  );
});
