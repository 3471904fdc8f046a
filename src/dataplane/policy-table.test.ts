import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import type { ActiveRule, CalcMessage, LocalEndpoint } from "../calc/index.ts";
import { type Packet, runTable } from "../nft/index.ts";
import { policyChainName } from "./chain-names.ts";
import { HostDataplane } from "./host-dataplane.ts";
import { renderMatch } from "./render-rule.ts";
import { address, cidr } from "./testing/cluster.ts";
import { listTable } from "./testing/list-table.ts";

const any: Pick<ActiveRule, "source" | "destination"> = { source: {}, destination: {} };

const web: LocalEndpoint = {
  id: "WorkloadEndpoint/shop/web",
  namespace: "shop",
  name: "web",
  interfaceName: "ttweb",
  mac: "02:00:00:00:00:01",
  addresses: [address("10.0.0.1"), address("fd00::1")],
  spoofable: [],
  tiers: [{ name: "default", defaultAction: "Deny", ingress: ["NetworkPolicy/shop/web"], egress: [] }],
  profileIds: ["kns.shop", "missing"],
};

const bare: LocalEndpoint = {
  ...web,
  id: "WorkloadEndpoint/shop/bare",
  name: "bare",
  interfaceName: "ttbare",
  tiers: [],
  profileIds: [],
};

const allowAll: CalcMessage = {
  type: "profileUpdate",
  profile: { id: "kns.shop", tier: "", ingress: [{ action: "Allow", ...any }], egress: [{ action: "Allow", ...any }] },
};

const toWeb: Packet = {
  source: address("10.0.0.2"),
  destination: address("10.0.0.1"),
  protocol: 6,
  ports: [9, 80],
  state: "new",
  inputName: "eth0",
  outputName: "ttweb",
  isSourceReal: true,
};

const fromWeb: Packet = {
  ...toWeb,
  source: address("10.0.0.1"),
  destination: address("192.0.2.1"),
  inputName: "ttweb",
  outputName: "eth0",
};

/** Has something of everything. */
const messages: readonly CalcMessage[] = [
  {
    type: "setUpdate",
    id: "s:clients",
    members: { type: "nets", nets: ["10.0.0.2", "10.0.0.3", "fd00::2"].map(cidr) },
  },
  { type: "setUpdate", id: "s:offices", members: { type: "nets", nets: ["192.0.2.0/24", "192.0.2.7/32"].map(cidr) } },
  {
    type: "setUpdate",
    id: "n:api",
    members: { type: "ports", ports: [{ address: address("10.0.0.1"), protocol: 6, port: 8443 }] },
  },
  {
    type: "policyUpdate",
    policy: {
      id: "NetworkPolicy/shop/web",
      tier: "default",
      ingress: [
        {
          action: "Allow",
          protocol: 6,
          source: { inSet: "s:clients" },
          destination: { ports: { ranges: [{ first: 80, last: 80 }], inSets: ["n:api"] } },
        },
        {
          action: "Allow",
          protocol: 6,
          source: { notInSet: "s:offices", nets: ["198.51.100.0/24", "203.0.113.0/25"].map(cidr) },
          destination: {
            ports: {
              ranges: [
                { first: 80, last: 90 },
                { first: 443, last: 443 },
              ],
              inSets: [],
            },
          },
        },
        { action: "Allow", protocol: 58, icmp: { type: 128, code: 0 }, ...any },
        { action: "Log", notIcmp: { type: 8 }, ipVersion: 4, ...any },
        { action: "Pass", protocol: 17, source: { notNets: ["10.0.0.0/9"].map(cidr) }, destination: {} },
        { action: "Deny", ...any },
      ],
      egress: [],
    },
  },
  allowAll,
  { type: "endpointUpdate", endpoint: web },
  { type: "endpointUpdate", endpoint: bare },
];

function dataplaneOf(list: readonly CalcMessage[]): HostDataplane {
  const dataplane = new HostDataplane();
  for (const message of list) dataplane.onCalc(message);
  return dataplane;
}

test("the table is the one in testdata/policy-table.txt", () => {
  const path = new URL("testdata/policy-table.txt", import.meta.url);
  const listing = listTable(dataplaneOf(messages).wanted().table);
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(path, listing);
  assert.equal(listing, readFileSync(path, "utf8"));
});

test("what has not changed is the same object in the next table", () => {
  const dataplane = dataplaneOf(messages);
  const before = dataplane.wanted().table;
  assert.equal(dataplane.wanted().table, before);
  dataplane.onCalc({
    type: "setChange",
    id: "s:clients",
    added: { type: "nets", nets: [cidr("10.0.0.9")] },
    removed: { type: "nets", nets: [] },
  });
  const after = dataplane.wanted().table;
  assert.deepEqual(
    after.chains.filter((chain) => !before.chains.includes(chain)),
    [],
  );
  assert.deepEqual(
    after.sets.filter((set) => !before.sets.includes(set)).map(({ name }) => name),
    ["s4-clients"],
  );
});

test("a set is one of single addresses until a wider net comes in, and again when it goes", () => {
  const dataplane = dataplaneOf(messages);
  const isInterval = () => dataplane.wanted().table.sets.find(({ name }) => name === "s4-clients")?.isInterval;
  const wide = { type: "nets", nets: [cidr("10.1.0.0/16")] } as const;
  const none = { type: "nets", nets: [] } as const;
  assert.equal(isInterval(), false);
  dataplane.onCalc({ type: "setChange", id: "s:clients", added: wide, removed: none });
  assert.equal(isInterval(), true);
  dataplane.onCalc({ type: "setChange", id: "s:clients", added: none, removed: wide });
  assert.equal(isInterval(), false);
});

test("an endpoint is closed in both directions while rules that it refers to are missing", () => {
  const withoutRules = messages.filter(({ type }) => type !== "policyUpdate");
  const { table } = dataplaneOf(withoutRules).wanted();
  const packet = toWeb;
  assert.equal(runTable(table, packet).verdict, "drop");
});

test("a profile that comes later is jumped to", () => {
  const dataplane = dataplaneOf(messages.filter(({ type }) => type !== "profileUpdate"));
  const packet = fromWeb;
  assert.equal(runTable(dataplane.wanted().table, packet).verdict, "drop");
  dataplane.onCalc(allowAll);
  assert.equal(runTable(dataplane.wanted().table, packet).verdict, "accept");
  dataplane.onCalc({ type: "profileRemove", id: "kns.shop" });
  assert.equal(runTable(dataplane.wanted().table, packet).verdict, "drop");
});

test("a line of a policy that becomes several rules logs a packet once", () => {
  const ports = {
    ranges: [
      { first: 8443, last: 8443 },
      { first: 81, last: 99 },
    ],
    inSets: ["n:api", "n:same"],
  };
  const rule: ActiveRule = { action: "Log", protocol: 6, source: {}, destination: { ports } };
  const same = { type: "ports", ports: [{ address: address("10.0.0.1"), protocol: 6, port: 8443 }] } as const;
  const { table } = dataplaneOf([
    ...messages,
    { type: "setUpdate", id: "n:same", members: same },
    { type: "policyUpdate", policy: { id: "NetworkPolicy/shop/web", tier: "default", ingress: [rule], egress: [] } },
  ]).wanted();
  const packet: Packet = { ...toWeb, ports: [9, 8443] };
  const outcome = runTable(table, packet);
  assert.deepEqual([outcome.verdict, outcome.logged], ["drop", ["tortie NetworkPolicy/shop/web ingress[0]: "]]);
});

test("a rule without a protocol that has ports never matches a number", () => {
  const ports = { ranges: [{ first: 80, last: 80 }], inSets: [] };
  assert.deepEqual(renderMatch({ action: "Allow", source: {}, destination: { ports } }).alternatives, []);
  assert.equal(renderMatch({ action: "Deny", source: {}, destination: { notPorts: ports } }).alternatives.length, 1);
});

test("names of chains stay within what nft prints, and differ when the policies do", () => {
  const long = (end: string) => policyChainName(`NetworkPolicy/${"n".repeat(63)}/${"p".repeat(250)}${end}`, "ingress");
  assert.equal(long("a").length, 127);
  assert.notEqual(long("a"), long("b"));
  assert.equal(policyChainName("NetworkPolicy/shop/web", "egress"), "policy-out/shop/web");
  assert.equal(policyChainName("GlobalNetworkPolicy//web", "ingress"), "global-in/web");
});

test("tunnels of a workload are dropped although everything is allowed", () => {
  const { table } = dataplaneOf(messages).wanted();
  const packet: Packet = { ...fromWeb, protocol: 17, ports: [9, 4789] };
  assert.equal(runTable(table, packet).verdict, "drop");
  assert.equal(runTable(table, { ...packet, ports: [9, 4790] }).verdict, "accept");
  assert.equal(runTable(table, { ...packet, protocol: 4 }).verdict, "drop");
});

test("an interface with the workload prefix and no endpoint lets nothing through, whatever the state of the connection", () => {
  const { table } = dataplaneOf(messages).wanted();
  for (const state of ["new", "established", "related", "untracked"] as const) {
    const out: Packet = { ...fromWeb, state, outputName: "ttnew" };
    assert.equal(runTable(table, out).verdict, "drop");
    assert.equal(runTable(table, { ...out, inputName: "eth0" }).verdict, "drop");
    assert.equal(runTable(table, { ...out, inputName: "ttnew", outputName: "eth0" }).verdict, "drop");
    const { outputName: _, ...toHost } = { ...out, inputName: "ttnew" };
    assert.equal(runTable(table, toHost).verdict, "drop");
  }
});
