import assert from "node:assert/strict";
import { test } from "node:test";
import { Settings } from "./settings.ts";
import { cidr, felixConfiguration, here } from "./testing/make.ts";

test("without any configuration the defaults hold, with the ports that keep a host in reach", () => {
  const settings = new Settings(here).take();
  assert.equal(settings?.endpointToHostAction, "Drop");
  assert.equal(settings?.denyAction, "Drop");
  assert.equal(settings?.isInvalidDropped, true);
  assert.equal(settings?.logLimit, undefined);
  assert.deepEqual(settings?.failsafeInbound[0], { protocol: 6, port: 22 });
  assert.deepEqual(settings?.failsafeOutbound[0], { protocol: 17, port: 53 });
});

test("each setting is that of the node, else of the oldest configuration that selects it, else of the default one", () => {
  const settings = new Settings(here);
  settings.setNodeLabels({ rack: "r1" });
  settings.setConfiguration(
    "default",
    felixConfiguration("default", { logPrefix: "a", workloadSourceSpoofing: "Any" }),
  );
  const selecting = (name: string, day: string, logPrefix: string) =>
    felixConfiguration(name, { nodeSelector: "rack == 'r1'", logPrefix }, `2026-01-${day}T00:00:00Z`);
  settings.setConfiguration("young", selecting("young", "02", "young"));
  settings.setConfiguration("old", selecting("old", "01", "old"));
  const first = settings.take();
  assert.deepEqual([first?.logPrefix, first?.canSpoof], ["old", true]);
  assert.equal(settings.take(), undefined);
  settings.setConfiguration(`node.${here}`, felixConfiguration(`node.${here}`, { logPrefix: "own" }));
  assert.equal(settings.take()?.logPrefix, "own");
  settings.setConfiguration(`node.${here}`, undefined);
  settings.setNodeLabels({});
  assert.equal(settings.take()?.logPrefix, "a");
});

test("names of workloads' interfaces may begin otherwise than ours, and never so that the host's loopback is one", () => {
  const settings = new Settings(here);
  const prefixesOf = (interfacePrefix?: string) => {
    settings.setConfiguration(
      "default",
      felixConfiguration("default", interfacePrefix === undefined ? {} : { interfacePrefix }),
    );
    return settings.take()?.interfacePrefixes;
  };
  assert.deepEqual(prefixesOf("tap,vnet"), ["tap", "vnet"]);
  assert.deepEqual(prefixesOf("l,lo,lox"), ["lox"]);
  assert.deepEqual(prefixesOf(), []);
});

test("words count in any letter case, and an empty list of failsafe ports means none", () => {
  const settings = new Settings(here);
  settings.setConfiguration(
    "default",
    felixConfiguration("default", {
      defaultEndpointToHostAction: "RETURN",
      nftablesFilterDenyAction: "reject",
      failsafeInboundHostPorts: [],
      failsafeOutboundHostPorts: [{ protocol: "SCTP", port: 9, net: cidr("192.0.2.0/24") }],
      logActionRateLimit: "10/minute",
      logActionRateLimitBurst: 7,
    }),
  );
  const settled = settings.take();
  assert.deepEqual([settled?.endpointToHostAction, settled?.denyAction], ["Return", "Reject"]);
  assert.deepEqual(settled?.failsafeInbound, []);
  assert.deepEqual(settled?.failsafeOutbound, [{ protocol: 132, port: 9, net: "192.0.2.0/24" }]);
  assert.deepEqual(settled?.logLimit, { count: 10, per: "minute", burst: 7 });
});
