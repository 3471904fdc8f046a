import assert from "node:assert/strict";
import { test } from "node:test";
import type { CalcMessage, LocalEndpoint } from "../calc/index.ts";
import type { Link } from "../netlink/index.ts";
import { interfaceOfKey } from "../nft/index.ts";
import { HostDataplane } from "./host-dataplane.ts";
import { isOwnAddress, isOwnLink, isOwnNeighbour, isOwnRoute, workloadAlias } from "./ownership.ts";
import { address, cidr } from "./testing/cluster.ts";
import type { Wanted } from "./wanted.ts";

function endpoint(name: string, addresses: readonly string[], more: Partial<LocalEndpoint> = {}): LocalEndpoint {
  return {
    id: `WorkloadEndpoint/shop/${name}`,
    namespace: "shop",
    name,
    interfaceName: `tt${name}`,
    mac: "02:00:00:00:00:01",
    addresses: addresses.map(address),
    spoofable: [],
    tiers: [],
    profileIds: [],
    ...more,
  };
}

function link(index: number, name: string, isUp = true): Link {
  return { index, name, mac: "ee:ee:ee:ee:ee:ee", mtu: 1500, isUp, isRunning: isUp, group: 0 };
}

const lo = link(1, "lo");

function update(...endpoints: readonly LocalEndpoint[]): CalcMessage[] {
  return endpoints.map((one) => ({ type: "endpointUpdate", endpoint: one }));
}

function dataplaneWith(messages: readonly CalcMessage[], links: readonly Link[]): HostDataplane {
  const dataplane = new HostDataplane();
  dataplane.onLinks(links);
  for (const message of messages) dataplane.onCalc(message);
  return dataplane;
}

/** The kernel takes the table. */
function confirm(dataplane: HostDataplane): Wanted {
  dataplane.onTable(dataplane.wanted().table);
  return dataplane.wanted();
}

function states(dataplane: HostDataplane): string[] {
  return dataplane.endpoints().map(({ id, state }) => `${id.split("/").at(-1)} ${state}`);
}

const web = endpoint("web", ["10.0.0.1", "fd00::1"]);

test("an endpoint whose interface is up and whose rules are in force gets routes, neighbours and a gateway", () => {
  const wanted = confirm(dataplaneWith(update(web), [lo, link(7, "ttweb")]));
  const local = { table: 254, protocol: 121, metric: 1024, type: "unicast", linkIndex: 7 };
  assert.deepEqual(wanted.routes, [
    { destination: "10.0.0.1/32", ...local, scope: "link" },
    { destination: "fd00::1/128", ...local, scope: "universe" },
  ]);
  const neighbour = { linkIndex: 7, mac: "02:00:00:00:00:01", state: "permanent", protocol: 121 };
  assert.deepEqual(wanted.neighbours, [
    { ...neighbour, address: "10.0.0.1" },
    { ...neighbour, address: "fd00::1" },
  ]);
  assert.deepEqual(wanted.addresses, [
    { linkIndex: 1, address: "169.254.1.1", length: 32, scope: "link" },
    { linkIndex: 7, address: "fe80::1", length: 64, scope: "link", isNoDad: true },
  ]);
  assert.deepEqual(
    wanted.links.map(({ name }) => name),
    ["lo", "ttweb"],
  );
});

test("an endpoint is opened however long its name is, and never by the rules of one whose name begins alike", () => {
  const name = `host--1-k8s-${"n".repeat(240)}`;
  const [first, second] = ["a", "b"].map((end) => endpoint(name + end, ["10.0.0.1"], { interfaceName: "ttlong" }));
  const dataplane = dataplaneWith(update(first!), [lo, link(7, "ttlong")]);
  confirm(dataplane);
  assert.equal(dataplane.endpoints()[0]?.state, "up");
  dataplane.onCalc({ type: "endpointRemove", id: first!.id });
  for (const message of update(second!)) dataplane.onCalc(message);
  assert.equal(dataplane.endpoints()[0]?.state, "closed");
  confirm(dataplane);
  assert.equal(dataplane.endpoints()[0]?.state, "up");
});

test("everything that is wanted is known as ours by looking at it", () => {
  const links = [lo, link(7, "ttweb")];
  const wanted = confirm(dataplaneWith(update(web), links));
  assert.ok(wanted.routes.every(isOwnRoute));
  assert.ok(wanted.neighbours.every(isOwnNeighbour));
  assert.ok(wanted.addresses.every((one) => isOwnAddress(one, links.find(({ index }) => index === one.linkIndex)!)));
});

test("nothing lets a packet through to an endpoint before the kernel has its rules", () => {
  const dataplane = dataplaneWith(update(web), [lo, link(7, "ttweb", false)]);
  const born = dataplane.wanted();
  assert.deepEqual(born.links, [{ index: 1, name: "lo", isUp: true }]);
  assert.deepEqual([born.routes, born.neighbours], [[], []]);
  assert.deepEqual(states(dataplane), ["web closed"]);

  assert.deepEqual(confirm(dataplane).links.at(-1), { index: 7, name: "ttweb", isUp: true });
  assert.deepEqual(dataplane.wanted().routes, []);
  assert.deepEqual(states(dataplane), ["web down"]);

  dataplane.onLinks([lo, link(7, "ttweb")]);
  assert.equal(dataplane.wanted().routes.length, 2);
  assert.deepEqual(states(dataplane), ["web up"]);
});

test("an interface that somebody else has put up gets no route before the kernel has its rules", () => {
  const dataplane = dataplaneWith(update(web), [lo, link(7, "ttweb")]);
  assert.deepEqual(dataplane.wanted().routes, []);
});

test("the settings of an interface are written before it is up", () => {
  const paths = dataplaneWith(update(web), [lo, link(7, "ttweb", false)])
    .wanted()
    .sysctls.map(({ path }) => path);
  assert.ok(paths.includes("net/ipv4/conf/ttweb/arp_filter"));
  assert.ok(paths.includes("net/ipv6/conf/ttweb/accept_ra"));
  assert.ok(paths.indexOf("net/ipv6/conf/all/forwarding") < paths.indexOf("net/ipv6/conf/ttweb/forwarding"));
});

test("an interface that we made is closed under any name but that of an endpoint", () => {
  const dataplane = dataplaneWith(update(web, endpoint("named", ["10.0.0.2"], { interfaceName: "eth1" })), [lo]);
  const closedOf = (...links: readonly Link[]) => {
    dataplane.onLinks([lo, ...links]);
    const { sets } = dataplane.wanted().table;
    return sets.find(({ name }) => name === "refused")!.elements.map(({ key }) => interfaceOfKey(key));
  };
  const alias = workloadAlias("shop", "web");
  assert.deepEqual(closedOf({ ...link(7, "ttweb"), alias }), []);
  assert.deepEqual(closedOf({ ...link(7, "other0"), alias }), ["other0"]);
  assert.deepEqual(closedOf({ ...link(7, "ttother"), alias }, { ...link(8, "eth1"), alias }, link(9, "eth0")), []);
});

test("the mark of an interface that we made is one that the kernel takes, however long the names are", () => {
  const [first, second] = ["a", "b"].map((end) => workloadAlias("n".repeat(63), "w".repeat(250) + end));
  assert.equal(first?.length, 255);
  assert.notEqual(first, second);
  assert.ok(isOwnLink({ ...link(7, "eth0"), alias: first! }));
});

test("rules of an endpoint that had the interface before are not the rules of the one that has it now", () => {
  const dataplane = dataplaneWith(update(web), [lo, link(7, "ttweb")]);
  confirm(dataplane);
  dataplane.onCalc({ type: "endpointRemove", id: web.id });
  const next = endpoint("next", ["10.0.0.2"], { interfaceName: "ttweb" });
  for (const message of update(next)) dataplane.onCalc(message);
  assert.deepEqual(dataplane.wanted().routes, []);
  assert.deepEqual(
    confirm(dataplane).routes.map(({ destination }) => destination),
    ["10.0.0.2/32"],
  );
});

test("an agent that starts anew takes the dumped table for what it is and keeps everything", () => {
  const before = confirm(dataplaneWith(update(web), [lo, link(7, "ttweb")]));
  const dump: unknown = JSON.parse(JSON.stringify(before.table));
  const anew = dataplaneWith(update(web), [lo, link(7, "ttweb")]);
  anew.onTable(dump as Wanted["table"]);
  assert.deepEqual(anew.wanted(), before);
});

test("a table that is not in force opens nothing", () => {
  const dataplane = dataplaneWith(update(web), [lo, link(7, "ttweb")]);
  const { table } = dataplane.wanted();
  for (const broken of [
    undefined,
    { ...table, isDormant: true },
    { ...table, chains: table.chains.filter(({ name }) => name !== "forward") },
    { ...table, chains: table.chains.map((chain) => (chain.name === "to/ttweb" ? { ...chain, rules: [] } : chain)) },
    { ...table, sets: table.sets.filter(({ name }) => name !== "to-workload") },
  ]) {
    dataplane.onTable(broken);
    assert.deepEqual(states(dataplane), ["web closed"]);
  }
});

test("an interface that goes takes its routes along, and one that comes again under another index gets them back", () => {
  const dataplane = dataplaneWith(update(web), [lo, link(7, "ttweb")]);
  confirm(dataplane);
  for (const [links, indexes] of [
    [[lo], []],
    [
      [lo, link(8, "ttweb")],
      [8, 8],
    ],
    [[lo, link(8, "ttweb", false)], []],
    [[lo, link(8, "ttold")], []],
    [
      [lo, link(8, "ttweb")],
      [8, 8],
    ],
  ] as const) {
    dataplane.onLinks(links);
    assert.deepEqual(
      dataplane.wanted().routes.map(({ linkIndex }) => linkIndex),
      indexes,
    );
  }
});

test("of two endpoints that name one interface the lower id has it, in whatever order they come", () => {
  const first = endpoint("a", ["10.0.0.1"], { interfaceName: "ttx" });
  const second = endpoint("b", ["10.0.0.2"], { interfaceName: "ttx" });
  for (const order of [
    [first, second],
    [second, first],
  ]) {
    const dataplane = dataplaneWith(update(...order), [lo, link(7, "ttx")]);
    assert.deepEqual(
      confirm(dataplane).routes.map(({ destination }) => destination),
      ["10.0.0.1/32"],
    );
    assert.deepEqual(states(dataplane), ["a up", "b shadowed"]);
    dataplane.onCalc({ type: "endpointRemove", id: first.id });
    assert.deepEqual(
      confirm(dataplane).routes.map(({ destination }) => destination),
      ["10.0.0.2/32"],
    );
  }
});

test("an address that two endpoints have is that of the newer interface, until that goes", () => {
  const dataplane = dataplaneWith(update(endpoint("a", ["10.0.0.1", "10.0.0.2"]), endpoint("b", ["10.0.0.1"])), [
    lo,
    link(7, "ttb"),
    link(6, "tta"),
  ]);
  const places = (wanted: Wanted) =>
    wanted.routes.map(({ destination, linkIndex }) => `${destination} ${linkIndex}`).sort();
  assert.deepEqual(places(confirm(dataplane)), ["10.0.0.1/32 7", "10.0.0.2/32 6"]);
  assert.deepEqual(
    dataplane.endpoints().map(({ lostAddresses }) => lostAddresses),
    [["10.0.0.1"], []],
  );
  assert.deepEqual(dataplane.wanted().neighbours.filter((one) => one.address === "10.0.0.1").length, 1);
  dataplane.onLinks([lo, link(7, "ttb", false), link(6, "tta")]);
  assert.deepEqual(places(dataplane.wanted()), ["10.0.0.1/32 6", "10.0.0.2/32 6"]);
});

test("without a known MAC address there is no neighbour entry", () => {
  const { mac: _, ...nameless } = web;
  assert.deepEqual(confirm(dataplaneWith(update(nameless), [lo, link(7, "ttweb")])).neighbours, []);
});

const adverts: CalcMessage = {
  type: "advertUpdate",
  blocks: ["10.0.0.0/26", "10.9.0.5/32", "10.8.0.0/26", "fd00::/122"].map(cidr),
  exportedPools: ["10.0.0.0/16", "fd00::/64"].map(cidr),
  unexportedPools: ["10.8.0.0/16"].map(cidr),
};

test("own blocks are dead ends but for single addresses", () => {
  const { routes } = dataplaneWith([adverts], [lo]).wanted();
  assert.deepEqual(
    routes.map(({ destination, type }) => `${type} ${destination}`),
    ["blackhole 10.0.0.0/26", "blackhole 10.8.0.0/26", "blackhole fd00::/122"],
  );
});

test("announced are own blocks and addresses outside them, each only where a pool lets it out", () => {
  const stray = endpoint("stray", ["10.0.0.1", "10.0.1.1", "10.8.9.1", "172.16.0.1", "fd00::5", "fd00::1:5"]);
  const wanted = confirm(dataplaneWith([adverts, ...update(stray)], [lo, link(7, "ttstray")]));
  assert.deepEqual(
    wanted.adverts.map(({ prefix }) => prefix),
    ["10.0.0.0/26", "10.0.1.1/32", "10.9.0.5/32", "fd00::/122", "fd00::1:5/128"],
  );
  assert.ok(wanted.adverts.every(({ localPref }) => localPref === 2147482623));
});

test("an address is not announced while its workload cannot be reached", () => {
  const stray = endpoint("stray", ["10.0.1.1"]);
  const wanted = confirm(dataplaneWith([adverts, ...update(stray)], [lo, link(7, "ttstray", false)]));
  assert.ok(!wanted.adverts.some(({ prefix }) => prefix === "10.0.1.1/32"));
});
