import assert from "node:assert/strict";
import test from "node:test";
import { parseAddress, parseCidr } from "../lib/index.ts";
import type { LinkAddress, Neighbour, NextHop, Route, RouteChange, RouteEvent } from "../netlink/index.ts";
import { type RouteSocket, RouteSync, monitorRoutes, openRouteSocket } from "./index.ts";
import { TestNamespace } from "./testing/test-namespace.ts";

const ourProtocol = 77;
const route = (destination: string, rest: Partial<Route>): Route => ({
  destination: parseCidr(destination)!,
  table: 254,
  protocol: ourProtocol,
  metric: 0,
  type: "unicast",
  scope: "universe",
  ...rest,
});
const address = (text: string) => parseAddress(text)!;
const yes = { mayDelete: () => true };
const no = { mayDelete: () => false };

/** Notes what is sent, so that a test can say: nothing. */
function noted(raw: RouteSocket): { sent: RouteChange[]; socket: RouteSocket } {
  const sent: RouteChange[] = [];
  const socket: RouteSocket = {
    portId: raw.portId,
    dumpLinks: () => raw.dumpLinks(),
    findLink: (name) => raw.findLink(name),
    readLink: (index) => raw.readLink(index),
    dumpAddresses: () => raw.dumpAddresses(),
    dumpRoutes: (filter) => raw.dumpRoutes(filter),
    readRoutes: (reader) => raw.readRoutes(reader),
    dumpNeighbours: () => raw.dumpNeighbours(),
    dumpNextHops: () => raw.dumpNextHops(),
    apply: (changes) => {
      sent.push(...changes);
      return raw.apply(changes);
    },
    [Symbol.dispose]: () => raw[Symbol.dispose](),
  };
  return { sent, socket };
}

class Host implements Disposable {
  readonly namespace = new TestNamespace();
  readonly raw = openRouteSocket({ netns: this.namespace.path });
  readonly #controller = new AbortController();
  readonly #events: AsyncIterator<RouteEvent[]>;
  #marks = 0;
  va = 0;
  vb = 0;

  constructor() {
    const { namespace } = this;
    namespace.ip("link set lo up");
    namespace.ip("link add va type veth peer name vb");
    namespace.ip("link set va up");
    namespace.ip("link set vb up");
    namespace.ip("addr add 10.0.0.1/24 dev va");
    namespace.ip("addr add fd00::1/64 dev va nodad");
    this.#events = monitorRoutes({
      groups: ["links", "addresses", "routes", "neighbours", "nextHops"],
      signal: this.#controller.signal,
      netns: namespace.path,
    })[Symbol.asyncIterator]();
  }

  async sync() {
    this.va = (await this.raw.findLink("va"))!.index;
    this.vb = (await this.raw.findLink("vb"))!.index;
    const { sent, socket } = noted(this.raw);
    const isOurs = ({ protocol }: { protocol?: number }) => protocol === ourProtocol;
    const sync = new RouteSync(socket, {
      isOurRoute: isOurs,
      isOurNextHop: isOurs,
      isOurNeighbour: isOurs,
      isOurAddress: ({ address }) => address === "169.254.1.1" || address === "fe80::1",
    });
    return { sync, sent };
  }

  /** All that happened so far, and a mark to know that it is all. */
  async events(): Promise<RouteEvent[]> {
    const mark = `mark${++this.#marks}`;
    this.namespace.ip(`link set lo alias ${mark}`);
    const seen: RouteEvent[] = [];
    for (;;) {
      const { value } = await this.#events.next();
      seen.push(...(value as RouteEvent[]));
      if (seen.some((event) => event.type === "newLink" && event.link.alias === mark)) return seen;
    }
  }

  async ours(): Promise<string[]> {
    const routes = await this.raw.dumpRoutes();
    return routes
      .filter(({ protocol }) => protocol === ourProtocol)
      .map(({ destination }) => destination)
      .toSorted();
  }

  [Symbol.dispose](): void {
    this.#controller.abort();
    this.raw[Symbol.dispose]();
    this.namespace[Symbol.dispose]();
  }
}

function everything(host: Host) {
  const nextHops: NextHop[] = [
    {
      id: 9,
      protocol: ourProtocol,
      group: [
        { id: 8, weight: 1 },
        { id: 7, weight: 1 },
      ],
    },
    { id: 7, protocol: ourProtocol, version: 6, linkIndex: host.va, gateway: address("fe80::7") },
    { id: 8, protocol: ourProtocol, version: 4, linkIndex: host.va, gateway: address("10.0.0.8") },
    { id: 10, protocol: ourProtocol, version: 6, linkIndex: host.vb, gateway: address("fe80::a") },
  ];
  const routes = [
    route("10.1.0.1/32", { linkIndex: host.vb, scope: "link" }),
    route("10.2.0.0/26", { type: "blackhole" }),
    route("10.3.0.0/26", { nextHopId: 9 }),
    route("10.4.0.0/26", { gateway: address("10.0.0.2") }),
    route("10.5.0.0/26", {
      nextHops: [
        { linkIndex: host.vb, gateway: address("fe80::2"), weight: 1 },
        { linkIndex: host.va, gateway: address("10.0.0.2"), weight: 2 },
      ],
    }),
    route("fd01::1/128", { linkIndex: host.vb, scope: "link" }),
    route("fd02::/122", { type: "blackhole" }),
    route("fd03::/122", { nextHopId: 10 }),
    route("fd05::/122", {
      nextHops: [
        { linkIndex: host.vb, gateway: address("fe80::2"), weight: 1 },
        { linkIndex: host.va, gateway: address("fd00::2"), weight: 2 },
      ],
    }),
    route("fd06::/122", { nextHops: [{ linkIndex: host.va, gateway: address("fd00::2"), weight: 5 }] }),
  ];
  const neighbours = ["10.1.0.1", "fd01::1"].map(
    (text): Neighbour => ({
      linkIndex: host.vb,
      address: address(text),
      mac: "02:00:00:00:00:09",
      state: "permanent",
      protocol: ourProtocol,
    }),
  );
  const addresses: LinkAddress[] = [
    { linkIndex: 1, address: address("169.254.1.1"), length: 32, scope: "link" },
    { linkIndex: host.vb, address: address("fe80::1"), length: 64, scope: "link", isNoDad: true },
  ];
  return { nextHops, routes, neighbours, addresses };
}

function want(sync: RouteSync, wanted: ReturnType<typeof everything>): number {
  sync.addresses.wantAll(wanted.addresses);
  sync.nextHops.wantAll(wanted.nextHops);
  sync.neighbours.wantAll(wanted.neighbours);
  sync.routes.wantAll(wanted.routes);
  return wanted.addresses.length + wanted.nextHops.length + wanted.neighbours.length + wanted.routes.length;
}

test("makes everything in an order that works, adopts it after a restart, and takes it away again", async () => {
  using host = new Host();
  const { sync } = await host.sync();
  const wanted = everything(host);
  const count = want(sync, wanted);
  assert.deepEqual(await sync.apply(yes), { applied: count, failures: [], failing: 0, held: 0 });
  assert.equal((await host.ours()).length, wanted.routes.length);

  const restarted = await host.sync();
  want(restarted.sync, everything(host));
  assert.deepEqual(await restarted.sync.apply(yes), { applied: 0, failures: [], failing: 0, held: 0 });
  assert.deepEqual(restarted.sent, [], "what is right already is not touched");

  want(restarted.sync, { nextHops: [], routes: [], neighbours: [], addresses: [] });
  assert.deepEqual(await restarted.sync.apply(no), { applied: 0, failures: [], failing: 0, held: count });
  assert.equal((await host.ours()).length, wanted.routes.length, "nothing goes before it may");
  const onlyRoutes = { mayDelete: (change: RouteChange) => change.type === "deleteRoute" };
  assert.equal((await restarted.sync.apply(onlyRoutes)).applied, wanted.routes.length);
  assert.equal((await restarted.sync.apply(yes)).applied, count - wanted.routes.length);
  assert.deepEqual(await host.ours(), []);
  assert.deepEqual(await host.raw.dumpNextHops(), []);
});

test("sends only what differs, whether a wish or the kernel changed", async () => {
  using host = new Host();
  const { sync, sent } = await host.sync();
  want(sync, everything(host));
  await sync.apply(yes);
  await host.events();
  sent.length = 0;

  sync.routes.want(route("10.4.0.0/26", { gateway: address("10.0.0.3") }));
  sync.routes.unwant(route("fd02::/122", {}));
  assert.equal((await sync.apply(yes)).applied, 2);
  assert.match(host.namespace.ip("route show 10.4.0.0/26"), /via 10.0.0.3/);
  sync.observe(await host.events());
  assert.equal((await sync.apply(yes)).applied, 0, "our own changes are no news");

  host.namespace.ip("route del 10.2.0.0/26");
  host.namespace.ip("-6 route replace fd06::/122 via fd00::66 proto 77");
  host.namespace.ip("neigh del 10.1.0.1 dev vb");
  host.namespace.ip("addr del 169.254.1.1/32 dev lo");
  host.namespace.ip("route add 10.66.0.0/16 via 10.0.0.2 proto 77");
  sync.observe(await host.events());
  sent.length = 0;
  assert.deepEqual(await sync.apply(yes), { applied: 5, failures: [], failing: 0, held: 0 });
  assert.deepEqual(
    sent.map(({ type }) => type),
    ["putAddress", "putNeighbour", "putRoute", "putRoute", "deleteRoute"],
  );
});

test("what goes with a link comes back with it", async () => {
  using host = new Host();
  const { sync } = await host.sync();
  const wanted = everything(host);
  want(sync, wanted);
  await sync.apply(yes);
  await host.events();
  host.namespace.ip("link set vb down");
  sync.observe(await host.events());
  const down = await sync.apply(yes);
  assert.ok(down.failures.length > 0 && down.failures.length <= down.failing);
  const again = await sync.apply(yes);
  assert.equal(again.failing, down.failing);
  assert.deepEqual(again.failures, [], "a failure is reported once");
  host.namespace.ip("link set vb up");
  sync.observe(await host.events());
  let up = await sync.apply(yes);
  for (let round = 0; round < 3 && up.failing > 0; round++) up = await sync.apply(yes);
  assert.equal(up.failing, 0, JSON.stringify(up.failures));
  assert.equal((await host.ours()).length, wanted.routes.length);
  const { sync: fresh } = await host.sync();
  want(fresh, everything(host));
  assert.equal((await fresh.apply(yes)).applied, 0);
});

test("routes by a next hop that cannot be made wait for it, without a word of their own", async () => {
  using host = new Host();
  const { sync, sent } = await host.sync();
  host.namespace.ip("link set vb down");
  const hop = { id: 7, protocol: ourProtocol, version: 6, linkIndex: host.va, gateway: address("fe80::7") } as const;
  sync.nextHops.want(hop);
  for (let i = 0; i < 250; i++) sync.routes.want(route(`10.9.${i}.0/24`, { nextHopId: 7 }));
  const report = await sync.apply(yes);
  assert.deepEqual(
    report.failures.map(({ change, errno }) => [change.type, errno]),
    [["putNextHop", "ENETDOWN"]],
  );
  assert.equal(report.failing, 251);
  assert.equal(sent.length, 1);
  host.namespace.ip("link set vb up");
  assert.equal((await sync.apply(yes)).applied, 251);
});

test("a next hop stays while a route uses it, even if it may go", async () => {
  using host = new Host();
  const { sync } = await host.sync();
  want(sync, everything(host));
  await sync.apply(yes);
  want(sync, { nextHops: [], routes: [], neighbours: [], addresses: [] });
  const keepRoutes = { mayDelete: (change: RouteChange) => change.type === "deleteNextHop" };
  await sync.apply(keepRoutes);
  assert.deepEqual(
    (await host.raw.dumpNextHops()).map(({ id }) => id),
    [7, 8, 9, 10],
  );
  assert.equal((await host.ours()).length, everything(host).routes.length);
  assert.equal((await sync.apply(yes)).held, 0);
  assert.deepEqual(await host.raw.dumpNextHops(), []);
});

test("a route of somebody else is neither replaced nor deleted", async () => {
  using host = new Host();
  const { sync } = await host.sync();
  host.namespace.ip("route add 10.7.0.0/16 via 10.0.0.2 proto 99");
  host.namespace.ip("-6 route add fd07::/64 via fd00::2 proto 99");
  sync.routes.want(route("10.7.0.0/16", { linkIndex: host.va, scope: "link" }));
  sync.routes.want(route("fd07::/64", { linkIndex: host.va }));
  sync.routes.want(route("10.8.0.0/16", { linkIndex: host.va, scope: "link" }));
  const report = await sync.apply(yes);
  assert.deepEqual(
    report.failures.map(({ errno }) => errno),
    ["EEXIST", "EEXIST"],
  );
  assert.deepEqual(await host.ours(), ["10.8.0.0/16"]);
  assert.deepEqual((await sync.apply(yes)).failures, []);
  sync.observe(await host.events());
  host.namespace.ip("route del 10.7.0.0/16 proto 99");
  host.namespace.ip("-6 route del fd07::/64 proto 99");
  assert.deepEqual(await sync.apply(yes), { applied: 2, failures: [], failing: 0, held: 0 });
});

test("after a surprise the kernel is read again", async () => {
  using host = new Host();
  const { sync } = await host.sync();
  const wanted = route("10.7.0.0/16", { linkIndex: host.va, scope: "link" });
  await sync.apply(yes);
  // Nobody tells the synchronizer about this one.
  host.namespace.ip("route add 10.7.0.0/16 dev va proto 77 scope link");
  sync.routes.want(wanted);
  assert.equal((await sync.apply(yes)).failures[0]?.errno, "EEXIST");
  assert.deepEqual(await sync.apply(yes), { applied: 0, failures: [], failing: 0, held: 0 });
});

test("of more routes than the kernel takes at once all are there, and gone again, but those that somebody else has", async () => {
  using host = new Host();
  const { sync } = await host.sync();
  const hops = [
    { id: 7, protocol: ourProtocol, version: 4, linkIndex: host.va, gateway: address("10.0.0.7") },
    { id: 8, protocol: ourProtocol, version: 6, linkIndex: host.va, gateway: address("fd00::8") },
  ] as const;
  for (const hop of hops) sync.nextHops.want(hop);
  const routes = Array.from({ length: 1300 }, (_, at) => [
    route(`10.${20 + (at >> 8)}.${at & 255}.0/24`, { nextHopId: 7, metric: 1024 }),
    route(`fd07:${at.toString(16)}::/64`, { nextHopId: 8, metric: 1024 }),
  ]).flat();
  const taken = ["10.20.0.0/24", "10.22.100.0/24", "10.25.19.0/24"];
  for (const destination of taken) host.namespace.ip(`route add ${destination} via 10.0.0.2 proto 99 metric 1024`);
  for (const one of routes) sync.routes.want(one);
  const report = await sync.apply(yes);
  assert.equal(report.applied, hops.length + routes.length - taken.length);
  assert.deepEqual(
    report.failures.map(({ change, errno }) => [change.type === "putRoute" && change.route.destination, errno]),
    taken.map((destination) => [destination, "EEXIST"]),
  );
  const expected = routes.map(({ destination }) => destination).filter((one) => !taken.some((other) => other === one));
  assert.deepEqual(new Set(await host.ours()), new Set(expected));
  for (const one of routes) sync.routes.unwant(one);
  assert.deepEqual(await sync.apply(yes), { applied: expected.length, failures: [], failing: 0, held: 0 });
  assert.deepEqual(await host.ours(), []);
});
