import assert from "node:assert/strict";
import { join } from "node:path";
import test from "node:test";
import type { BfdPeer } from "../bfd/index.ts";
import { seededRandom, silentLogger } from "../lib/index.ts";
import { openBfd } from "./bfd-sessions.ts";
import { hasFrr, startFrr } from "./testing/frr.ts";
import { LinkedHosts, address, eventually } from "./testing/linked-hosts.ts";

const frrConfig = `
bfd
 profile fast
  detect-multiplier 3
  receive-interval 50
  transmit-interval 50
 !
 peer 10.0.0.1 interface vb
  profile fast
 !
 peer fe80::1 local-address fe80::2 interface vb
  profile fast
 !
 peer fd00::1 multihop local-address fd00::2
  profile fast
 !
`;

test("FRR's bfdd and ours come up, agree on the pace and both see a failure", {
  timeout: 120_000,
  skip: hasFrr ? false : "FRR is not installed",
}, async () => {
  await using hosts = new LinkedHosts();
  const ask = await startFrr(hosts, "bfdd", frrConfig, ["--bfdctl", join(hosts.folder, "frr", "bfdd.sock")]);
  const statuses = () => {
    const peers: { status: string }[] = JSON.parse(ask("show bfd peers json"));
    return peers.map(({ status }) => status);
  };

  const bfd = { minTxMs: 50, minRxMs: 50, multiplier: 3, isMultihop: false };
  const peers: BfdPeer[] = [
    { name: "v4", address: address("10.0.0.2"), localAddress: address("10.0.0.1"), bfd },
    { name: "link", address: address("fe80::2"), linkName: "va", bfd },
    {
      name: "far6",
      address: address("fd00::2"),
      localAddress: address("fd00::1"),
      bfd: { ...bfd, isMultihop: true },
    },
  ];
  const up = new Set<string>();
  const said: string[] = [];
  await using ours = openBfd({
    log: silentLogger,
    random: seededRandom(1),
    netns: hosts.a,
    onState(name, isUp, isOff) {
      if (isOff) return;
      said.push(`${name} ${isUp ? "up" : "down"}`);
      if (isUp) up.add(name);
      else up.delete(name);
    },
  });
  ours.configure(peers);
  await eventually("three sessions up", () => up.size === 3 && statuses().every((status) => status === "up"));
  assert.equal(statuses().length, 3);
  await eventually("the agreed pace", async () =>
    (await ours.status()).sessions.every(({ intervalMs, detectionMs }) => intervalMs === 50 && detectionMs === 150),
  );
  hosts.ip(hosts.a, "link set va down");
  await eventually("the loss on both sides", () => up.size === 0 && statuses().every((status) => status === "down"));
  hosts.up(hosts.a, "va", 1);
  await eventually("all up again", () => up.size === 3 && statuses().every((status) => status === "up"));
  const before = said.length;
  ours.configure([]);
  await eventually("the farewell at FRR's", () => statuses().every((status) => status === "down"));
  assert.equal(said.length, before);
  ours.configure(peers);
  await eventually("all up again", () => statuses().every((status) => status === "up"));
});
