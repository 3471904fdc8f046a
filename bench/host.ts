import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { type Bench, type BenchRun, type Row } from "./bench.ts";
import { Figures } from "./figures.ts";
import { HostPeer } from "./host-peer.ts";
import { HostRig, routesBy } from "./host-rig.ts";
import { type HostSizes, agentStart } from "./host-sizes.ts";
import { filterScenes } from "./host-filter.ts";
import { idleScene } from "./host-idle.ts";
import { type IpVersion } from "../src/lib/index.ts";

type Report = (row: Row) => void;
const full: HostSizes = {
  rounds: 5,
  routes: 100_000,
  members: 100_000,
  workloads: 1000,
  policies: 1000,
  endpoints: 500,
  cidrs: 10_000,
  idleMs: 10_000,
};
const quick: HostSizes = {
  rounds: 1,
  routes: 5000,
  members: 2000,
  workloads: 50,
  policies: 50,
  endpoints: 50,
  cidrs: 500,
  idleMs: 1000,
};

const gateways = { 4: ["192.0.2.2", "192.0.2.3"], 6: ["2001:db8::2", "2001:db8::3"] } as const;
const ownAddresses = ["192.0.2.1/24", "2001:db8::1/64"];

/** What the agent of one host does with its kernel, beside the tools that people use for it and the same in C. */
export const hostBench: Bench = {
  about: "routes, rules and sets of one host into its kernel, beside C, `ip -batch`, BIRD and `nft -f`",
  needsNamespace: true,
  start: agentStart,
  async run(report: Report, { args }: BenchRun) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { quick: { type: "boolean" }, json: { type: "boolean" }, rounds: { type: "string" } },
    });
    const usual = values.quick === true ? quick : full;
    const sizes = { ...usual, rounds: Number(values.rounds ?? usual.rounds) };
    const [only] = positionals;
    const isWanted = (scene: string) => only === undefined || only === scene;
    using peer = new HostPeer();
    command("ip", ["link", "set", "lo", "up"]);
    for (const words of linkCommands()) command("ip", words);
    for (const words of [["link", "set", "lo", "up"], ...linkCommands()]) peer.run("ip", words);
    if (isWanted("routes")) for (const version of [4, 6] as const) await routes(report, version, sizes, peer);
    if (isWanted("filter")) await filterScenes(report, sizes, peer);
    if (isWanted("idle")) idleScene(report, sizes);
  },
};

function linkCommands(): string[][] {
  return [
    ["link", "add", "bench0", "type", "veth", "peer", "name", "bench1"],
    ["link", "set", "bench0", "up"],
    ["link", "set", "bench1", "up"],
    ...ownAddresses.map((address) => [
      "addr",
      "add",
      address,
      "dev",
      "bench0",
      ...(address.includes(":") ? ["nodad"] : []),
    ]),
  ];
}

async function routes(
  report: Report,
  version: IpVersion,
  { rounds, routes: count }: HostSizes,
  peer: HostPeer,
): Promise<void> {
  const [first, second] = gateways[version];
  const [byFirst, bySecond, none] = [first, second, undefined].map((gateway) => routesBy(version, count, gateway));
  if (byFirst === undefined || bySecond === undefined || none === undefined) throw new Error("no routes");
  await using rig = new HostRig();
  await rig.settle(() => {
    rig.start();
    rig.bgpSettled();
  });
  const batch = (verb: string) =>
    peer.file(
      byFirst.map(({ prefix }) => `route ${verb} ${prefix} via ${first} dev bench0 metric 1024 proto 122\n`).join(""),
    );
  const [addFile, deleteFile] = [batch("add"), batch("del")];
  const figures = new Figures();
  const floorArgs = [String(version), String(count), "bench0", first];
  const floorObject = "7";
  peer.run("ip", ["nexthop", "replace", "id", floorObject, "via", first, "dev", "bench0"]);
  let moveChanges = 0;
  let longestTurn = 0;
  // Watching the turns costs time itself: once, before anything is timed.
  for (const updates of [byFirst, bySecond, none]) {
    const { turnMs } = await rig.settle(() => rig.bgp(updates), { areTurnsWatched: true });
    longestTurn = Math.max(longestTurn, turnMs);
  }
  for (let round = 0; round < rounds; round++) {
    const added = await rig.settle(() => rig.bgp(byFirst));
    const moved = await rig.settle(() => rig.bgp(bySecond));
    moveChanges = moved.sent.routeChanges;
    const removed = await rig.settle(() => rig.bgp(none));
    const floor = peer.routes(floorArgs);
    const floorBy = peer.routes([...floorArgs, floorObject]);
    figures.note({
      add: added.ms,
      addCpu: added.cpuMs,
      move: moved.ms,
      moveKernel: moved.routeMs,
      remove: removed.ms,
      removeCpu: removed.cpuMs,
      floorAdd: floor.add,
      floorAddCpu: floor.addCpu,
      floorRemove: floor.remove,
      floorRemoveCpu: floor.removeCpu,
      floorByAdd: floorBy.add,
      floorByAddCpu: floorBy.addCpu,
      floorByRemove: floorBy.remove,
      floorByRemoveCpu: floorBy.removeCpu,
      ipAdd: peer.time("ip", ["-batch", addFile]),
      ipRemove: peer.time("ip", ["-batch", deleteFile]),
    });
  }
  const row = (what: string, ours: string, target: string, beside: { ip?: string; floor?: string } = {}): Row => ({
    what,
    unit: "ms",
    ours: figures.middle(ours),
    ...(beside.ip === undefined ? {} : { peer: { name: "ip -batch", value: figures.middle(beside.ip) } }),
    ...(beside.floor === undefined
      ? {}
      : { floor: { name: nameOf(beside.floor), value: figures.middle(beside.floor) } }),
    target,
  });
  const nameOf = (floor: string) => (floor.startsWith("floorBy") ? "C, by object" : "C");
  const target = "<= 1.4 x C, >= 1.8 x faster than ip -batch";
  report(
    row(`${count} IPv${version} routes from BGP into the kernel`, "add", target, { ip: "ipAdd", floor: "floorAdd" }),
  );
  report(row("the same, the processor's time", "addCpu", "", { floor: "floorAddCpu" }));
  report(row("the same, beside routes by a next-hop object", "add", "", { floor: "floorByAdd" }));
  report(row("the same, the processor's time", "addCpu", "", { floor: "floorByAddCpu" }));
  report(row("all withdrawn", "remove", target, { ip: "ipRemove", floor: "floorRemove" }));
  report(row("the same, the processor's time", "removeCpu", "", { floor: "floorRemoveCpu" }));
  report(row("the same, beside routes by a next-hop object", "remove", "", { floor: "floorByRemove" }));
  report(row("the same, the processor's time", "removeCpu", "", { floor: "floorByRemoveCpu" }));
  const moves = `all move to another next hop: the kernel's part (changes: ${moveChanges})`;
  report(row(moves, "moveKernel", version === 4 ? "<= 10" : "<= 50"));
  report(row("the same, from BGP's word for each of them on", "move", ""));
  report({ what: "longest turn of the event loop in all of this", unit: "ms", ours: longestTurn, target: "<= 20" });
}

function command(name: string, args: readonly string[]): void {
  const done = spawnSync(name, args, { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`${name} ${args.join(" ")}: ${done.stderr}`);
}
