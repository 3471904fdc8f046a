// Of host-idle.ts: a host with everything programmed; prints its memory in MB and its use of the processor in percent.
import { spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { manyResources } from "./host-filter.ts";
import { HostRig, linkNameOf, makeLinks, routesBy } from "./host-rig.ts";
import type { HostSizes } from "./host-sizes.ts";

/** The kernel tells of links that come up by fifties a second: until that is over. */
const restMs = (endpoints: number) => 3000 + 25 * endpoints;

const { endpoints, policies, routes, idleMs }: HostSizes = JSON.parse(process.argv[2] ?? "");
for (const words of [
  "link set lo up",
  "link add bench0 type veth peer name bench1",
  "link set bench0 up",
  "link set bench1 up",
  "addr add 192.0.2.1/24 dev bench0",
])
  spawnSync("ip", words.split(" "));
await makeLinks(Array.from({ length: endpoints }, (_, at) => linkNameOf(at)));
await using rig = new HostRig();
rig.put(...manyResources(endpoints, policies));
await rig.settle(() => rig.start());
await rig.settle(() => {
  // As sessions tell them: message by message.
  const updates = routesBy(4, routes, "192.0.2.2");
  for (let at = 0; at < updates.length; at += 100) rig.bgp(updates.slice(at, at + 100));
  rig.bgpSettled();
});
await sleep(restMs(endpoints));
const before = process.cpuUsage();
await sleep(idleMs);
const { user, system } = process.cpuUsage(before);
console.log(`${process.memoryUsage.rss() / 1e6} ${(user + system) / 10 / idleMs}`);
