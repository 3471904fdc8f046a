import { spawnSync } from "node:child_process";
import { openNftSocket, openRouteSocket } from "../src/kernel/index.ts";
import { type Cidr, type IpVersion, addressFromBigInt, addressToCidr, parseAddress } from "../src/lib/index.ts";
import type { RouteChange } from "../src/netlink/index.ts";
import { addressSet, diffTables } from "../src/nft/index.ts";
import { type Bench, inTurns, timed } from "./bench.ts";

const routeCount = 10_000;
const memberCount = 20_000;
const gateways = { 4: "192.0.2.2", 6: "2001:db8::2" } as const;
const bases = { 4: BigInt(0x0a000000), 6: BigInt("0xfd006500000000000000000000000000") } as const;

/** Routes and set members into the kernel, beside the tools that people use for it. */
export const kernelBench: Bench = {
  about: "10,000 routes and one set member among 20,000, beside `ip -batch` and `nft -f`",
  needsNamespace: true,
  async run(report) {
    for (const version of [4, 6] as const) {
      const { add, remove } = await routes(version);
      const target = ">= 1.8 x faster than ip -batch";
      report({
        what: `add ${routeCount} IPv${version} routes`,
        unit: "ms",
        ours: add.ours,
        peer: { name: "ip -batch", value: add.peer },
        target,
      });
      report({
        what: `delete ${routeCount} IPv${version} routes`,
        unit: "ms",
        ours: remove.ours,
        peer: { name: "ip -batch", value: remove.peer },
        target,
      });
    }
    const member = await oneMember();
    report({
      what: `one member of a set of ${memberCount}`,
      unit: "ms",
      ours: member.ours,
      peer: { name: "nft -f", value: member.peer },
      target: ">= 20 x faster than nft -f",
    });
  },
};

async function routes(version: IpVersion) {
  command("ip", ["link", "add", "bench0", "type", "veth", "peer", "name", "bench1"]);
  for (const link of ["bench0", "bench1"]) command("ip", ["link", "set", link, "up"]);
  command("ip", [
    "addr",
    "add",
    version === 4 ? "192.0.2.1/24" : "2001:db8::1/64",
    "dev",
    "bench0",
    ...(version === 6 ? ["nodad"] : []),
  ]);
  using socket = openRouteSocket();
  const link = await socket.findLink("bench0");
  const gateway = parseAddress(gateways[version]);
  if (link === undefined || gateway === undefined) throw new Error("the bench's own link is missing");
  const destinations: Cidr[] = Array.from({ length: routeCount }, (_, at) =>
    addressToCidr(addressFromBigInt(bases[version] + BigInt(at), version)),
  );
  const routeOf = (destination: Cidr) =>
    ({
      destination,
      table: 254,
      protocol: 122,
      metric: 1024,
      type: "unicast",
      scope: "universe",
      linkIndex: link.index,
      gateway,
    }) as const;
  const changes = (type: "putRoute" | "deleteRoute"): RouteChange[] =>
    destinations.map((destination) => ({ type, route: routeOf(destination) }));
  const text = (verb: "add" | "del") =>
    destinations
      .map((destination) => `route ${verb} ${destination} via ${gateway} dev bench0 metric 1024 proto 122`)
      .join("\n");
  const ours = async (type: "putRoute" | "deleteRoute") => {
    const failures = await socket.apply(changes(type));
    if (failures.length > 0) throw new Error(`a route failed: ${failures[0]?.message}`);
  };
  const removals: Record<"ours" | "peer", number[]> = { ours: [], peer: [] };
  const add = await inTurns({
    ours: async () => {
      const time = await timed(() => ours("putRoute"));
      removals.ours.push(await timed(() => ours("deleteRoute")));
      return time;
    },
    peer: async () => {
      const time = await timed(async () => command("ip", ["-batch", "-"], text("add")));
      removals.peer.push(await timed(async () => command("ip", ["-batch", "-"], text("del"))));
      return time;
    },
  });
  command("ip", ["link", "del", "bench0"]);
  const middle = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
  return { add, remove: { ours: middle(removals.ours), peer: middle(removals.peer) } };
}

async function oneMember() {
  using nft = openNftSocket();
  const members = Array.from({ length: memberCount }, (_, at) => addressFromBigInt(bases[4] + BigInt(at), 4));
  const extra = addressFromBigInt(bases[4] + BigInt(memberCount), 4);
  const table = (addresses: typeof members) =>
    ({ family: "inet", name: "bench", chains: [], sets: [addressSet("members", 4, addresses)] }) as const;
  const [without, withExtra] = [table(members), table([...members, extra])];
  await nft.apply(diffTables(undefined, without));
  const [more, less] = [diffTables(without, withExtra), diffTables(withExtra, without)];
  return await inTurns({
    ours: async () => {
      const time = await timed(() => nft.apply(more));
      await nft.apply(less);
      return time;
    },
    peer: async () => {
      const time = await timed(async () => command("nft", ["-f", "-"], `add element inet bench members { ${extra} }`));
      command("nft", ["-f", "-"], `delete element inet bench members { ${extra} }`);
      return time;
    },
  });
}

function command(name: string, args: readonly string[], input = ""): void {
  const done = spawnSync(name, args, { input, encoding: "utf8", maxBuffer: 1 << 26 });
  if (done.status !== 0) throw new Error(`${name} ${args.join(" ")}: ${done.stderr}`);
}
