import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import type { BfdPeer } from "../bfd/index.ts";
import { seededRandom, silentLogger } from "../lib/index.ts";
import { type Bfd, openBfd } from "./bfd-sessions.ts";
import { LinkedHosts, address, eventually } from "./testing/linked-hosts.ts";

const timing = { minTxMs: 50, minRxMs: 50, multiplier: 3 };
const limit = { timeout: 120_000 };

/** The other host by all ways, as one sees it whose link is called so. */
function peersAt(number: number, linkName: string, more: Partial<typeof timing> = {}): BfdPeer[] {
  const bfd = { ...timing, ...more, isMultihop: false };
  const own = 3 - number;
  return [
    { name: "v4", address: address(`10.0.0.${number}`), localAddress: address(`10.0.0.${own}`), bfd },
    { name: "v6", address: address(`fd00::${number}`), bfd },
    { name: "link", address: address(`fe80::${number}`), linkName, bfd },
    { name: "far4", address: address(`10.0.0.${number}`), bfd: { ...bfd, isMultihop: true } },
    {
      name: "far6",
      address: address(`fd00::${number}`),
      localAddress: address(`fd00::${own}`),
      bfd: { ...bfd, isMultihop: true },
    },
  ];
}

function open(netns: string, seed: number): { bfd: Bfd; up: Set<string>; said: string[] } {
  const up = new Set<string>();
  const said: string[] = [];
  const bfd = openBfd({
    log: silentLogger,
    random: seededRandom(seed),
    netns,
    onState(name, isUp, isOff) {
      if (isOff) return;
      said.push(`${name} ${isUp ? "up" : "down"}`);
      if (isUp) up.add(name);
      else up.delete(name);
    },
  });
  return { bfd, up, said };
}

test(
  "two of ours come up over both IP versions, over a link-local address and across routers, and notice silence",
  limit,
  async () => {
    await using hosts = new LinkedHosts();
    const a = open(hosts.a, 1);
    const b = open(hosts.b, 2);
    await using one = a.bfd;
    await using other = b.bfd;
    one.configure(peersAt(2, "va"));
    other.configure(peersAt(1, "vb"));
    await eventually("five sessions up on both sides", () => a.up.size === 5 && b.up.size === 5);
    // A session is up before both ends have agreed on its pace (RFC 5880 section 6.8.3).
    await eventually("the pace that was asked for", async () =>
      (await one.status()).sessions.every(({ intervalMs, detectionMs }) => intervalMs === 50 && detectionMs === 150),
    );
    hosts.ip(hosts.b, "link set vb down");
    await eventually("the loss of all", () => a.up.size === 0 && b.up.size === 0);
    assert.deepEqual(
      (await one.status()).sessions.map(({ diagnostic }) => diagnostic),
      Array(5).fill("detectionTimeExpired"),
    );
    hosts.up(hosts.b, "vb", 2);
    await eventually("five sessions up again", () => a.up.size === 5 && b.up.size === 5);
    // One end leaves: no failure.
    other.configure([]);
    await eventually("the farewell", async () =>
      (await one.status()).sessions.every(({ remoteState }) => remoteState === "adminDown" || remoteState === "down"),
    );
    assert.equal(a.up.size, 5, "nobody was told of a failure");
  },
);

test("a speaker that computes for a second loses no session of 100 ms x 5", limit, async () => {
  await using hosts = new LinkedHosts();
  const a = open(hosts.a, 1);
  const b = open(hosts.b, 2);
  await using one = a.bfd;
  await using other = b.bfd;
  const pace = { minTxMs: 100, minRxMs: 100, multiplier: 5 };
  one.configure(peersAt(2, "va", pace));
  other.configure(peersAt(1, "vb", pace));
  await eventually("five sessions up on both sides", () => a.up.size === 5 && b.up.size === 5);
  const until = performance.now() + 1000;
  while (performance.now() < until) JSON.stringify(a.said);
  await one.status();
  await other.status();
  assert.equal(a.said.filter((text) => text.endsWith("down")).length, 0);
  assert.equal(b.said.filter((text) => text.endsWith("down")).length, 0);
});

const hasBird = ["/usr/sbin/bird", "/usr/bin/bird"].some((path) => existsSync(path));

const birdConfig = `
router id 10.0.0.2;
protocol device {}
protocol bfd {
  interface "vb" { min rx interval 50 ms; min tx interval 50 ms; idle tx interval 1 s; multiplier 3; };
  multihop { min rx interval 100 ms; min tx interval 60 ms; multiplier 5; };
  neighbor 10.0.0.1 local 10.0.0.2;
  neighbor fd00::1 local fd00::2;
  neighbor fe80::1%'vb' local fe80::2;
  neighbor 10.0.0.1 local 10.0.0.2 multihop on;
  neighbor fd00::1 local fd00::2 multihop on;
}
`;

test("BIRD 2 and ours come up in all five ways, agree on the pace and both see a failure", {
  ...limit,
  skip: hasBird ? false : "bird is not installed",
}, async () => {
  await using hosts = new LinkedHosts();
  const file = (name: string) => join(hosts.folder, name);
  writeFileSync(file("bird.conf"), birdConfig);
  hosts.start(hosts.b, "bird", ["-f", "-c", file("bird.conf"), "-s", file("bird.ctl"), "-P", file("bird.pid")]);
  await eventually("bird's socket", () => existsSync(file("bird.ctl")));
  const birdSessions = () =>
    hosts
      .run(hosts.b, "birdc", ["-s", file("bird.ctl"), "show bfd sessions"])
      .split("\n")
      .filter((line) => /^(10|fd|fe)/.test(line));
  const a = open(hosts.a, 1);
  await using bfd = a.bfd;
  bfd.configure(peersAt(2, "va"));
  await eventually("five sessions up", () => a.up.size === 5 && birdSessions().every((line) => line.includes(" Up ")));
  assert.equal(birdSessions().length, 5);
  await eventually("the agreed pace", async () => {
    const { sessions } = await bfd.status();
    return sessions.every(({ peers, intervalMs, detectionMs }) => {
      const isFar = peers[0]?.startsWith("far") === true;
      return intervalMs === (isFar ? 100 : 50) && detectionMs === (isFar ? 300 : 150);
    });
  });
  hosts.ip(hosts.a, "link set va down");
  await eventually(
    "the loss on both sides",
    () => a.up.size === 0 && birdSessions().every((line) => line.includes(" Down ")),
  );
  hosts.up(hosts.a, "va", 1);
  await eventually("all up again", () => a.up.size === 5 && birdSessions().every((line) => line.includes(" Up ")));
  // Ours takes its leave: BIRD is told that no path has failed.
  await bfd[Symbol.asyncDispose]();
  await eventually("the farewell at BIRD's", () => birdSessions().every((line) => line.includes(" Down ")));
});
