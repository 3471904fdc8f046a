import assert from "node:assert/strict";
import test from "node:test";
import { TortieError, parseAddress, parseCidr } from "../lib/index.ts";
import type { Route, RouteChange, RouteEvent } from "../netlink/index.ts";
import { openNetlink, openNamespace } from "../sys/index.ts";
import { monitorRoutes, openRouteSocket } from "./index.ts";
import { TestNamespace, pick } from "./testing/test-namespace.ts";

const address = (text: string) => parseAddress(text)!;
const cidr = (text: string) => parseCidr(text)!;
const main = { table: 254, protocol: 77, metric: 0, type: "unicast", scope: "universe" } as const;

/** A namespace with a veth pair that is up: va has 10.0.0.1/24 and fd00::1/64. */
async function prepare(namespace: TestNamespace) {
  namespace.ip("link set lo up");
  namespace.ip("link add va type veth peer name vb");
  namespace.ip("link set va up");
  namespace.ip("link set vb up");
  namespace.ip("addr add 10.0.0.1/24 dev va");
  namespace.ip("addr add fd00::1/64 dev va nodad");
  const socket = openRouteSocket({ netns: namespace.path });
  const va = (await socket.findLink("va"))!.index;
  const vb = (await socket.findLink("vb"))!.index;
  return { socket, va, vb };
}

test("makes a pair of links whose peer is born in another namespace", async () => {
  using host = new TestNamespace();
  using workload = new TestNamespace();
  using socket = openRouteSocket({ netns: host.path });
  using inside = openRouteSocket({ netns: workload.path });
  using netns = openNamespace(workload.path);
  const veth: RouteChange = {
    type: "createVeth",
    name: "tt0123456789a",
    mac: "ee:ee:ee:ee:ee:ee",
    mtu: 1400,
    alias: "tortie:default/web",
    peer: { name: "eth0", netnsFd: netns.fd, mac: "02:00:00:00:00:01" },
  };
  assert.deepEqual(await socket.apply([veth]), []);
  const link = (await socket.findLink("tt0123456789a"))!;
  const peer = (await inside.findLink("eth0"))!;
  assert.deepEqual(link, {
    index: link.index,
    name: "tt0123456789a",
    mac: "ee:ee:ee:ee:ee:ee",
    mtu: 1400,
    isUp: false,
    isRunning: false,
    kind: "veth",
    peerIndex: peer.index,
    alias: "tortie:default/web",
    group: 0,
  });
  assert.equal(peer.peerIndex, link.index);
  assert.equal(peer.mac, "02:00:00:00:00:01");
  assert.equal(peer.mtu, 1400);
  const settings = { mtu: 1300, group: 7, name: "renamed", alias: "other", addrGenMode: "none" } as const;
  assert.deepEqual(await socket.apply([{ type: "setLink", index: link.index, ...settings }]), []);
  const [shown] = host.ipJson("link show renamed");
  assert.deepEqual(pick(shown!, "mtu", "group", "ifalias", "inet6_addr_gen_mode", "operstate"), {
    mtu: 1300,
    group: "7",
    ifalias: "other",
    inet6_addr_gen_mode: "none",
    operstate: "DOWN",
  });
  assert.deepEqual(
    await socket.apply([
      { type: "setLink", index: link.index, isUp: true },
      {
        type: "putAddress",
        address: { linkIndex: link.index, address: address("fe80::1"), length: 64, scope: "link", isNoDad: true },
      },
    ]),
    [],
  );
  const addresses = (await socket.dumpAddresses()).filter(({ linkIndex }) => linkIndex === link.index);
  assert.deepEqual(addresses, [
    { linkIndex: link.index, address: "fe80::1", length: 64, scope: "link", isNoDad: true },
  ]);
  // The name of the peer is taken.
  const [failure] = await socket.apply([veth]);
  assert.equal(failure?.errno, "EEXIST");
  assert.equal(await socket.findLink("tt0123456789a"), undefined);
  assert.deepEqual(await socket.apply([{ type: "deleteLink", index: link.index }]), []);
  assert.equal(await socket.findLink("renamed"), undefined);
  assert.deepEqual(await socket.apply([{ type: "deleteLink", index: link.index }]), []);
});

test("puts a link into a bridge and takes it out again", async () => {
  using namespace = new TestNamespace();
  const { socket, va } = await prepare(namespace);
  using _ = socket;
  assert.deepEqual(await socket.apply([{ type: "createBridge", name: "br0" }]), []);
  const bridge = (await socket.findLink("br0"))!;
  assert.equal(bridge.kind, "bridge");
  const controller = new AbortController();
  const events = monitorRoutes({ groups: ["links"], signal: controller.signal, netns: namespace.path });
  assert.deepEqual(await socket.apply([{ type: "setLink", index: va, masterIndex: bridge.index }]), []);
  assert.equal((await socket.findLink("va"))?.masterIndex, bridge.index);
  assert.deepEqual(await socket.apply([{ type: "setLink", index: va, masterIndex: 0 }]), []);
  assert.equal((await socket.findLink("va"))?.masterIndex, undefined);
  namespace.ip("link set va alias done");
  const seen: RouteEvent[] = [];
  for await (const batch of events) {
    seen.push(...batch);
    if (batch.some((event) => event.type === "newLink" && event.link.alias === "done")) controller.abort();
  }
  assert.ok(!seen.some((event) => event.type === "delLink"), "leaving a bridge is not the end of a link");
});

test("routes of every form are in the kernel as iproute2 and a dump see them", async () => {
  using namespace = new TestNamespace();
  const { socket, va, vb } = await prepare(namespace);
  using _ = socket;
  const routes: Route[] = [
    { ...main, destination: cidr("10.1.0.1/32"), linkIndex: va, scope: "link" },
    {
      ...main,
      destination: cidr("10.2.0.0/16"),
      linkIndex: va,
      gateway: address("10.0.0.2"),
      source: address("10.0.0.1"),
      metric: 5,
    },
    {
      ...main,
      destination: cidr("10.3.0.0/16"),
      linkIndex: vb,
      gateway: address("192.0.2.1"),
      isOnlink: true,
      table: 300,
    },
    { ...main, destination: cidr("10.4.0.0/16"), linkIndex: va, gateway: address("fe80::2") },
    { ...main, destination: cidr("10.5.0.0/26"), type: "blackhole" },
    {
      ...main,
      destination: cidr("10.6.0.0/16"),
      nextHops: [
        { linkIndex: va, gateway: address("10.0.0.2"), weight: 3 },
        { linkIndex: vb, gateway: address("fe80::2"), weight: 1 },
      ],
    },
    { ...main, destination: cidr("fd01::1/128"), linkIndex: va, metric: 1024 },
    {
      ...main,
      destination: cidr("fd02::/64"),
      linkIndex: va,
      gateway: address("fd00::2"),
      source: address("fd00::1"),
      metric: 5,
    },
    { ...main, destination: cidr("fd03::/64"), linkIndex: vb, gateway: address("fe80::9"), table: 300, metric: 1024 },
    { ...main, destination: cidr("fd05::/122"), type: "blackhole", metric: 1024 },
    {
      ...main,
      destination: cidr("fd06::/64"),
      metric: 1024,
      nextHops: [
        { linkIndex: va, gateway: address("fd00::2"), weight: 3 },
        { linkIndex: vb, gateway: address("fe80::2"), weight: 1 },
      ],
    },
    { ...main, destination: cidr("0.0.0.0/0"), linkIndex: va, gateway: address("10.0.0.2"), metric: 9 },
    { ...main, destination: cidr("::/0"), linkIndex: va, gateway: address("fd00::2"), metric: 9 },
  ];
  const puts = routes.map((route): RouteChange => ({ type: "putRoute", route }));
  assert.deepEqual(await socket.apply(puts), []);
  assert.deepEqual(await socket.apply(puts), [], "again");
  const ours = (await socket.dumpRoutes()).filter(({ protocol }) => protocol === 77);
  const byDestination = (a: Route, b: Route) => a.destination.localeCompare(b.destination);
  assert.deepEqual(ours.toSorted(byDestination), routes.toSorted(byDestination));
  const table = await socket.dumpRoutes({ version: 6, table: 300 });
  assert.deepEqual(table, [routes[8]]);
  assert.deepEqual(await socket.dumpRoutes({ version: 4, table: 4711 }), []);
  const [shown] = namespace.ipJson("route show 10.2.0.0/16");
  assert.deepEqual(pick(shown!, "dst", "gateway", "dev", "protocol", "prefsrc", "metric"), {
    dst: "10.2.0.0/16",
    gateway: "10.0.0.2",
    dev: "va",
    protocol: "77",
    prefsrc: "10.0.0.1",
    metric: 5,
  });
  const [ecmp] = namespace.ipJson("-6 route show fd06::/64");
  assert.equal((ecmp!["nexthops"] as unknown[]).length, 2);
  const deletes = routes.map((route): RouteChange => ({ type: "deleteRoute", route }));
  assert.deepEqual(await socket.apply(deletes), []);
  assert.deepEqual(
    (await socket.dumpRoutes()).filter(({ protocol }) => protocol === 77),
    [],
  );
  assert.deepEqual(await socket.apply(deletes), [], "deleting what is gone is no failure");
});

test("a deletion leaves another protocol's route of the same key alone", async () => {
  using namespace = new TestNamespace();
  const { socket, va } = await prepare(namespace);
  using _ = socket;
  namespace.ip("route add 10.7.0.0/16 via 10.0.0.2 proto 99");
  namespace.ip("-6 route add fd07::/64 via fd00::2 proto 99");
  for (const destination of [cidr("10.7.0.0/16"), cidr("fd07::/64")]) {
    const route: Route = { ...main, destination, linkIndex: va, metric: destination.includes(":") ? 1024 : 0 };
    assert.deepEqual(await socket.apply([{ type: "deleteRoute", route }]), []);
    const [failure] = await socket.apply([{ type: "putRoute", route, isExclusive: true }]);
    assert.equal(failure?.errno, "EEXIST");
  }
  assert.equal((await socket.dumpRoutes()).filter(({ protocol }) => protocol === 99).length, 2);
});

test("of several hundred changes those that cannot be are told, in order, and the rest is done", async () => {
  using namespace = new TestNamespace();
  const { socket, va } = await prepare(namespace);
  using _ = socket;
  const changes = Array.from({ length: 250 }, (_, i): RouteChange => {
    const isBad = i === 0 || i === 120 || i === 249;
    const gateway = address(isBad ? "203.0.113.1" : "10.0.0.2");
    return { type: "putRoute", route: { ...main, destination: cidr(`10.8.${i}.0/24`), linkIndex: va, gateway } };
  });
  const failures = await socket.apply(changes);
  assert.deepEqual(
    failures.map(({ change }) => changes.indexOf(change)),
    [0, 120, 249],
  );
  assert.deepEqual(
    failures.map(({ message }) => message),
    Array(3).fill("ENETUNREACH: Nexthop has invalid gateway"),
  );
  assert.equal((await socket.dumpRoutes({ version: 4 })).filter(({ protocol }) => protocol === 77).length, 247);
});

test("replacing a next-hop object moves the routes that name it", async () => {
  using namespace = new TestNamespace();
  const { socket, va, vb } = await prepare(namespace);
  using _ = socket;
  const hop = { protocol: 77, version: 6 } as const;
  const group = {
    id: 9,
    protocol: 77,
    group: [
      { id: 7, weight: 3 },
      { id: 8, weight: 1 },
    ],
  };
  const changes: RouteChange[] = [
    { type: "putNextHop", nextHop: { ...hop, id: 7, linkIndex: va, gateway: address("fe80::7") } },
    { type: "putNextHop", nextHop: { ...hop, id: 8, linkIndex: vb, gateway: address("fe80::8"), isOnlink: true } },
    { type: "putNextHop", nextHop: group },
    { type: "putNextHop", nextHop: { protocol: 77, version: 4, id: 10, isBlackhole: true } },
    { type: "putRoute", route: { ...main, destination: cidr("10.9.0.0/16"), nextHopId: 9 } },
    { type: "putRoute", route: { ...main, destination: cidr("fd09::/64"), nextHopId: 7 } },
  ];
  assert.deepEqual(await socket.apply(changes), []);
  assert.deepEqual(
    await socket.dumpNextHops(),
    changes.flatMap((change) => (change.type === "putNextHop" ? [change.nextHop] : [])),
  );
  assert.deepEqual(
    (await socket.dumpRoutes()).filter(({ nextHopId }) => nextHopId !== undefined),
    [
      { ...main, destination: "10.9.0.0/16", nextHopId: 9 },
      { ...main, destination: "fd09::/64", nextHopId: 7, metric: 1024 },
    ],
  );
  const moved = { ...hop, id: 7, linkIndex: va, gateway: address("fe80::77") };
  assert.deepEqual(await socket.apply([{ type: "putNextHop", nextHop: moved }]), []);
  assert.match(namespace.ip("-6 route show fd09::/64"), /via fe80::77/);
  assert.deepEqual(await socket.apply([{ type: "deleteNextHop", nextHop: group }]), []);
  assert.equal(namespace.ip("route show 10.9.0.0/16"), "");
});

test("permanent neighbours of both versions are there with their protocol", async () => {
  using namespace = new TestNamespace();
  const { socket, va } = await prepare(namespace);
  using _ = socket;
  const neighbours = ["10.0.0.9", "fd00::9"].map((text) => ({
    linkIndex: va,
    address: address(text),
    mac: "02:00:00:00:00:09",
    state: "permanent" as const,
    protocol: 77,
  }));
  assert.deepEqual(await socket.apply(neighbours.map((neighbour) => ({ type: "putNeighbour", neighbour }))), []);
  const dump = await socket.dumpNeighbours();
  assert.deepEqual(
    dump.filter(({ protocol }) => protocol === 77),
    neighbours,
  );
  const shown = namespace.ipJson("neigh show dev va nud permanent");
  assert.ok(shown.every(({ lladdr }) => lladdr === "02:00:00:00:00:09") && shown.length === 2);
  const deletes = neighbours.map((neighbour): RouteChange => ({ type: "deleteNeighbour", neighbour }));
  assert.deepEqual(await socket.apply(deletes), []);
  assert.deepEqual(await socket.apply(deletes), []);
  assert.deepEqual(namespace.ipJson("neigh show dev va nud permanent"), []);
});

test("deleting an address that is gone is no failure", async () => {
  using namespace = new TestNamespace();
  const { socket, va } = await prepare(namespace);
  using _ = socket;
  const v4 = { linkIndex: va, address: address("169.254.1.1"), length: 32, scope: "link" } as const;
  const v6 = { linkIndex: va, address: address("fd00::99"), length: 128, scope: "global", isNoDad: true } as const;
  const put = [v4, v6].map((address): RouteChange => ({ type: "putAddress", address }));
  assert.deepEqual(await socket.apply([...put, ...put]), []);
  const there = (await socket.dumpAddresses()).filter(
    ({ address }) => address === v4.address || address === v6.address,
  );
  assert.deepEqual(there, [v4, v6]);
  const gone = [v4, v6].map((address): RouteChange => ({ type: "deleteAddress", address }));
  assert.deepEqual(await socket.apply([...gone, ...gone]), []);
});

test("overlapping calls of one socket do not disturb each other", async () => {
  using namespace = new TestNamespace();
  const { socket, va } = await prepare(namespace);
  using _ = socket;
  const route = (i: number): Route => ({ ...main, destination: cidr(`10.10.0.${i}/32`), linkIndex: va, scope: "link" });
  const results = await Promise.all([
    socket.apply(Array.from({ length: 200 }, (_, i) => ({ type: "putRoute", route: route(i) }))),
    socket.dumpRoutes({ version: 4 }),
    socket.apply([{ type: "putRoute", route: { ...route(1), linkIndex: 4711 } }]),
    socket.dumpLinks(),
  ]);
  assert.equal(results[1].filter(({ protocol }) => protocol === 77).length, 200);
  assert.equal(results[2][0]?.errno, "ENODEV");
  assert.deepEqual(results[3].map(({ name }) => name).toSorted(), ["lo", "va", "vb"]);
});

test("a monitor tells what happens from the call on, and who did it", async () => {
  using namespace = new TestNamespace();
  const { socket, va } = await prepare(namespace);
  using _ = socket;
  const controller = new AbortController();
  const events = monitorRoutes({
    groups: ["links", "addresses", "routes", "neighbours", "nextHops"],
    signal: controller.signal,
    netns: namespace.path,
  });
  const route: Route = { ...main, destination: cidr("10.11.0.0/16"), linkIndex: va, gateway: address("10.0.0.2") };
  await socket.apply([{ type: "putRoute", route }]);
  namespace.ip("route del 10.11.0.0/16");
  const seen: RouteEvent[] = [];
  for await (const batch of events) {
    seen.push(...batch.filter((event) => "route" in event && event.route.destination === route.destination));
    if (seen.length === 2) controller.abort();
  }
  assert.deepEqual(seen[0], { type: "newRoute", route, portId: socket.portId });
  assert.deepEqual({ ...seen[1], portId: 0 }, { type: "delRoute", route, portId: 0 });
  assert.notEqual(seen[1]!.portId, socket.portId);
});

test("a listener that is too slow learns that it missed something", async () => {
  using namespace = new TestNamespace();
  const { socket, va } = await prepare(namespace);
  using _ = socket;
  using slow = openNetlink({ protocol: "route", netns: namespace.path, groups: [7], receiveBufferBytes: 1 });
  const routes = Array.from(
    { length: 100 },
    (_, i): Route => ({
      ...main,
      destination: cidr(`10.12.0.${i}/32`),
      linkIndex: va,
      scope: "link",
    }),
  );
  await socket.apply(routes.map((route) => ({ type: "putRoute", route })));
  const readAll = async () => {
    for (;;) await slow.receive();
  };
  await assert.rejects(readAll(), (error) => error instanceof TortieError && error.code === "TT_KERNEL_OVERRUN");
});
