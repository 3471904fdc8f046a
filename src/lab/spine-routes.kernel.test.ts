import assert from "node:assert/strict";
import { test } from "node:test";
import type { BestPath } from "../bgp/index.ts";
import { routeProtocols } from "../dataplane/index.ts";
import { type Cidr, type IpAddress, parseAddress, parseCidr, silentLogger } from "../lib/index.ts";
import { decodeLab } from "./decode-lab.ts";
import { Network } from "./network.ts";
import { planLab } from "./plan-lab.ts";
import { SpineRoutes } from "./spine-routes.ts";

const cidr = (text: string): Cidr => parseCidr(text) ?? assert.fail(text);
const address = (text: string): IpAddress => parseAddress(text) ?? assert.fail(text);

function by(...gateways: string[]): BestPath[] {
  const rest = { peer: address("192.0.2.1"), peerName: "p", isInternal: false, asPath: [], communities: [] };
  return gateways.map((gateway) => ({ ...rest, nextHop: address(gateway) }));
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!(await isTrue())) assert.ok(performance.now() < deadline, "it does not come about");
}

test("a spine's kernel follows BGP, and keeps the routes of a run before until BGP has told all", async () => {
  const decoded = decodeLab({ name: "t", fabric: { type: "spines", count: 1 }, hosts: [{ name: "a" }, { name: "b" }] });
  const { parts } = planLab(decoded.ok ? decoded.value : assert.fail(), { numbers: new Map(), isBare: true });
  using network = new Network();
  for (const part of parts) if (part.type === "namespace") await network.addNamespace(part);
  await network.addLinks(parts.filter((part) => part.type === "link"));
  const socket = network.socket("spine-1");
  const learned = async () => {
    const routes = (await socket.dumpRoutes()).filter((route) => route.protocol === routeProtocols.bgp);
    return routes
      .map(({ destination, gateway, nextHops }) => `${destination} ${gateway ?? nextHops?.length}`)
      .toSorted();
  };
  const shows = (...routes: string[]) => until(async () => JSON.stringify(await learned()) === JSON.stringify(routes));

  {
    await using routes = new SpineRoutes(socket, silentLogger);
    assert.equal(await routes.adopt(), false);
    routes.update([
      { prefix: cidr("10.65.0.0/26"), paths: by("172.31.0.3") },
      { prefix: cidr("10.65.9.9/32"), paths: by("172.31.0.5", "172.31.0.3") },
      { prefix: cidr("fd00:65::/122"), paths: by("fd00:31:0:1::3") },
    ]);
    await shows("10.65.0.0/26 172.31.0.3", "10.65.9.9/32 2", "fd00:65::/122 fd00:31:0:1::3");
  }
  await using routes = new SpineRoutes(socket, silentLogger);
  assert.equal(await routes.adopt(), true);
  routes.update([{ prefix: cidr("10.65.0.0/26"), paths: by("172.31.0.5") }]);
  await shows("10.65.0.0/26 172.31.0.5", "10.65.9.9/32 2", "fd00:65::/122 fd00:31:0:1::3");
  routes.endRestart("ipv4-unicast");
  await shows("10.65.0.0/26 172.31.0.5", "fd00:65::/122 fd00:31:0:1::3");
  routes.endRestart("ipv6-unicast");
  await shows("10.65.0.0/26 172.31.0.5");
  routes.update([{ prefix: cidr("10.65.0.0/26"), paths: [] }]);
  await shows();
  for (const part of parts) if (part.type === "namespace") network.removeNamespace(part.name);
});
