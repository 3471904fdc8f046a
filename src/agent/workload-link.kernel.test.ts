import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gatewayAddress4, gatewayAddress6, gatewayMac } from "../dataplane/index.ts";
import { openRouteSocket } from "../kernel/index.ts";
import { type Cidr, parseCidr } from "../lib/index.ts";
import { makeNamespace, removeNamespace } from "../sys/index.ts";
import {
  type WorkloadLink,
  configureInside,
  ensureLink,
  openInside,
  removeLink,
  untilCarrying,
  workloadMac,
} from "./workload-link.ts";

const births = 20;
const addresses = ["10.65.0.1/32", "fd00:65::1/128"].map(readCidr);

test("a workload has addresses only when its link carries both ways, and can be reached at them when it has", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tortie-workload-link-"));
  using host = openRouteSocket();
  try {
    for (let birth = 0; birth < births; birth++) await bear(host, join(folder, `w-${birth}`), birth % 2 === 0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** The host's end may be set up before the workload's, or after it: the data plane has its own time. */
async function bear(host: ReturnType<typeof openRouteSocket>, netns: string, isHostFirst: boolean): Promise<void> {
  const link: WorkloadLink = {
    netns,
    interface: "eth0",
    hostInterface: "tt0123456789a",
    namespace: "shop",
    name: "web",
    mac: workloadMac("shop", "web"),
  };
  const signal = AbortSignal.timeout(30_000);
  makeNamespace(netns);
  try {
    using inside = openRouteSocket({ netns });
    await ensureLink(host, link);
    const outer = await host.findLink(link.hostInterface);
    const openHost = () => host.apply([{ type: "setLink", index: outer?.index ?? 0, isUp: true }]);
    if (isHostFirst) await openHost();
    await openInside(link);
    assert.deepEqual(await globalAddresses(inside), []);
    if (!isHostFirst) await openHost();
    await untilCarrying(host, link, signal);
    // A dump of all links does not make the kernel hurry as a question for one does.
    for (const socket of [host, inside]) {
      const ends = (await socket.dumpLinks()).filter(({ kind }) => kind === "veth");
      assert.deepEqual(
        ends.map(({ isOperational }) => isOperational),
        [true],
      );
    }
    await configureInside(link, addresses, signal);
    assert.deepEqual(await globalAddresses(inside), ["10.65.0.1", "fd00:65::1"]);
    const local = (await inside.dumpRoutes({ table: 255 })).filter(({ type }) => type === "local");
    const taken = new Set(local.map(({ destination }) => destination));
    for (const address of addresses) assert.ok(taken.has(address), `packets to ${address} are taken`);
    const known = (await inside.dumpNeighbours()).filter(({ state }) => state === "permanent");
    assert.deepEqual(
      known.map(({ address, mac }) => [address, mac]),
      [gatewayAddress4, gatewayAddress6].map((address) => [address, gatewayMac]),
    );
    await removeLink(host, link.hostInterface);
  } finally {
    removeNamespace(netns);
  }
}

async function globalAddresses(inside: ReturnType<typeof openRouteSocket>): Promise<string[]> {
  const all = await inside.dumpAddresses();
  return all.filter(({ scope }) => scope === "global").map(({ address }) => address);
}

function readCidr(text: string): Cidr {
  const cidr = parseCidr(text);
  assert.ok(cidr !== undefined, text);
  return cidr;
}
