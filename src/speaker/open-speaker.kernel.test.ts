import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { PeerConfig, PeerRange, SpeakerConfig } from "../bgp/index.ts";
import { LinkedHosts, address, eventually } from "./testing/linked-hosts.ts";
import { RoutedHosts } from "./testing/routed-hosts.ts";
import { TestSpeaker, peer, prefix, speakerConfig } from "./testing/test-speaker.ts";

/** Longer than it takes a session to come up here. */
const whileMs = 1500;

const transports = [
  ["IPv4", ["10.0.0.1", "10.0.0.2"], {}],
  ["IPv6", ["fd00::1", "fd00::2"], {}],
  ["link-local addresses", ["fe80::1", "fe80::2"], { a: "va", b: "vb" }],
] as const;

for (const [name, [own, other], links] of transports) {
  const on = (link: string | undefined, more: Partial<PeerConfig>): Partial<PeerConfig> =>
    link === undefined ? more : { ...more, linkName: link };
  const config = (number: number, remote: string, link: string | undefined, more: Partial<PeerConfig>) =>
    speakerConfig(number, {
      nextHop4: address(`10.0.0.${number}`),
      nextHop6: address(`fd00::${number}`),
      peers: [peer(remote, on(link, more))],
    });
  const a = (more: Partial<PeerConfig> = {}) => config(1, other, "a" in links ? links.a : undefined, more);
  const b = (more: Partial<PeerConfig> = {}) => config(2, own, "b" in links ? links.b : undefined, more);

  test(`over ${name} a session with a password stands only when both ends have it, and outlives a change of it at both`, async () => {
    const fast = { holdTimeSeconds: 6 };
    await using hosts = new LinkedHosts();
    await using left = await TestSpeaker.open(a({ password: "sesame", ...fast }), { netns: hosts.a });
    await using right = await TestSpeaker.open(b({ password: "sesame", ...fast }), { netns: hosts.b });
    left.originate("10.1.0.0/24");
    right.originate("10.2.0.0/24");
    await eventually("the routes", () => left.table.size === 1 && right.table.size === 1);
    const since = left.status()?.since;
    left.speaker.configure(a({ password: "simsim", ...fast }));
    await sleep(whileMs);
    right.speaker.configure(b({ password: "simsim", ...fast }));
    left.originate("10.1.0.0/24", "10.3.0.0/24");
    await eventually("the route", () => right.table.size === 2);
    assert.equal(left.status()?.since, since, "the session stood on");
    left.speaker.configure(a({ password: "third", ...fast }));
    await Promise.all([left.untilDown(), right.untilDown()]);
    await sleep(whileMs);
    assert.ok(!left.isUp() && !right.isUp());
    right.speaker.configure(b({ password: "third", ...fast }));
    await Promise.all([left.untilUp(), right.untilUp()]);
    right.speaker.configure(b());
    await left.untilDown();
    await sleep(whileMs);
    assert.ok(!left.isUp() && !right.isUp(), "none is no password either");
    left.speaker.configure(a());
    await left.untilUp();
    assert.doesNotMatch([...left.lines, ...right.lines].join(), /sesame|simsim/);
  });

  test(`over ${name} one end calls and the other waits, and again when one of them has restarted`, async () => {
    await using hosts = new LinkedHosts();
    await using left = await TestSpeaker.open(a({ isPassive: true }), { netns: hosts.a });
    left.originate("fd00:1::/64");
    for (let time = 0; time < 2; time++) {
      await using right = await TestSpeaker.open(b(), { netns: hosts.b });
      right.originate("fd00:2::/64");
      await eventually("the route", () => right.isUp() && right.table.has("fd00:1::/64"));
      await left.untilUp();
      await right.speaker.shutDown("maintenance");
      await left.untilDown();
      assert.match(left.status()?.lastError ?? "", /maintenance/);
    }
  });
}

for (const [name, near, far] of [
  ["IPv4", "10.0.0.1", "10.1.0.3"],
  ["IPv6", "fd00::1", "fd01::3"],
] as const) {
  test(`over ${name} a peer further away than allowed has no session, whoever calls`, async () => {
    await using hosts = new RoutedHosts();
    const at = (remote: string, ttlSecurityHops: number) =>
      speakerConfig(remote === far ? 1 : 3, { peers: [peer(remote, { ttlSecurityHops })] });
    await using left = await TestSpeaker.open(at(far, 1), { netns: hosts.a });
    await using right = await TestSpeaker.open(at(near, 2), { netns: hosts.c });
    await sleep(whileMs);
    assert.ok(!left.isUp() && !right.isUp());
    assert.ok(left.lines.some((line) => /from further away/.test(line)));
    left.speaker.configure(at(far, 2));
    await Promise.all([left.untilUp(), right.untilUp()]);
    right.speaker.configure(at(near, 1));
    await right.untilDown();
    await sleep(whileMs);
    assert.ok(!left.isUp() && !right.isUp());
  });
}

test("whoever connects from inside a range with its password is a peer, as many as there may be", async () => {
  await using hosts = new LinkedHosts();
  const { name: _name, address: _address, ...session } = peer("10.0.0.0", { password: "ours", isPassive: true });
  const range: PeerRange = { name: "rack", prefix: prefix("10.0.0.0/24"), maxPeers: 2, session };
  await using left = await TestSpeaker.open(speakerConfig(1, { ranges: [range] }), { netns: hosts.a });
  left.originate("10.1.0.0/24");
  const clients = [3, 4, 5].map((number) => {
    hosts.ip(hosts.b, `addr add 10.0.0.${number}/24 dev vb`);
    const localAddress = address(`10.0.0.${number}`);
    const config = speakerConfig(number, {
      listenPort: 1790,
      listenAddresses: [localAddress],
      peers: [peer("10.0.0.1", { localAddress, password: "ours" })],
    });
    return TestSpeaker.open(config, { netns: hosts.b });
  });
  await using first = await (clients[0] ?? assert.fail());
  await using second = await (clients[1] ?? assert.fail());
  await using third = await (clients[2] ?? assert.fail());
  await eventually("two sessions", () => [first, second, third].filter((client) => client.isUp()).length === 2);
  const names = left.speaker.status().map((status) => status.name);
  assert.equal(names.length, 2);
  assert.ok(
    names.every((name) => /^rack\/10\.0\.0\.[345]$/.test(name)),
    names.join(),
  );
  await sleep(whileMs);
  const up = [first, second, third].filter((client) => client.isUp());
  const left1 = [first, second, third].find((client) => !client.isUp()) ?? assert.fail("one has no place");
  assert.equal(up.length, 2);
  // One place is free again.
  await up[0]?.speaker.shutDown();
  await left1.untilUp();
  left.speaker.configure(speakerConfig(1, {}));
  await eventually("the end of all", () => left.speaker.status().length === 0);
});

test("neighbours on a link that know nothing but the link find each other, and carry IPv4 over link-local next hops", async () => {
  await using hosts = new LinkedHosts();
  const unnumbered = (number: number, link: string): SpeakerConfig => {
    const more = { asNumber: "external", hasExtendedNextHop: true, password: "ours" } as const;
    const { name: _name, address: _address, ...session } = peer("fe80::", more);
    const range: PeerRange = { name: link, prefix: prefix("fe80::/10"), linkName: link, maxPeers: 1, session };
    return speakerConfig(number, { localAs: 65_000 + number, ranges: [range] });
  };
  await using left = await TestSpeaker.open(unnumbered(1, "va"), { netns: hosts.a });
  await using right = await TestSpeaker.open(unnumbered(2, "vb"), { netns: hosts.b });
  left.originate("10.1.0.0/24", "fd00:1::/64");
  right.originate("10.2.0.0/24");
  await eventually("the routes", () => left.table.size === 1 && right.table.size === 2);
  assert.equal(left.speaker.status().length, 1);
  assert.equal(left.status()?.name, "va/fe80::2%va");
  const [path] = right.table.get("10.1.0.0/24")?.paths ?? [];
  assert.equal(path?.linkName, "vb");
  assert.equal(path?.linkLocalNextHop ?? path?.nextHop, "fe80::1");
});

test("what BFD finds dead ends at once", async () => {
  await using hosts = new LinkedHosts();
  const bfd = { minTxMs: 50, minRxMs: 50, multiplier: 3, isMultihop: false };
  await using left = await TestSpeaker.open(speakerConfig(1, { peers: [peer("10.0.0.2", { bfd })] }), {
    netns: hosts.a,
  });
  await using right = await TestSpeaker.open(speakerConfig(2, { peers: [peer("10.0.0.1", { bfd })] }), {
    netns: hosts.b,
  });
  await Promise.all([left.untilUp(), right.untilUp()]);
  await eventually("BFD", () => left.status()?.bfd === "up" && right.status()?.bfd === "up");
  // Silence, with the carrier still there.
  hosts.ip(hosts.b, "link set vb address 02:00:00:00:00:99");
  hosts.ip(hosts.a, "neigh replace 10.0.0.2 lladdr 02:00:00:00:00:77 dev va nud permanent");
  await left.untilDown();
  assert.match(left.status()?.lastError ?? "", /BFD/i);
});

test("a next hop counts when the host says that there is a way", async () => {
  await using hosts = new LinkedHosts();
  const asked: string[] = [];
  let tell: ((cost: number | undefined) => void) | undefined;
  await using left = await TestSpeaker.open(speakerConfig(1, { peers: [peer("10.0.0.2")], hasNextHopTracking: true }), {
    netns: hosts.a,
    trackNextHops: (onCosts) => {
      tell = (cost) => onCosts([{ nextHop: address("10.0.0.2"), cost }]);
      return {
        track: (nextHops) => void asked.push(...nextHops.map((nextHop) => `+${nextHop}`)),
        untrack: (nextHops) => void asked.push(...nextHops.map((nextHop) => `-${nextHop}`)),
        [Symbol.dispose]: () => void asked.push("end"),
      };
    },
  });
  await using right = await TestSpeaker.open(speakerConfig(2, { peers: [peer("10.0.0.1")] }), { netns: hosts.b });
  right.originate("10.2.0.0/24");
  await eventually("the question", () => asked.length > 0);
  assert.equal(left.table.size, 0);
  tell?.(5);
  await eventually("the route", () => left.table.size === 1);
  tell?.(undefined);
  await eventually("the end of the route", () => left.table.size === 0);
  right.originate();
  await eventually("the end of the question", () => asked.length === 2);
  await left.speaker[Symbol.asyncDispose]();
  assert.deepEqual(asked, ["+10.0.0.2", "-10.0.0.2", "end"]);
});

test("nothing is left open behind speakers that are gone", async () => {
  await using hosts = new LinkedHosts();
  const count = () => readdirSync("/proc/self/fd").length;
  const run = async () => {
    const options = { bfd: { minTxMs: 100, minRxMs: 100, multiplier: 3, isMultihop: false } };
    await using left = await TestSpeaker.open(
      speakerConfig(1, { peers: [peer("10.0.0.2", options), peer("10.0.0.77")] }),
      { netns: hosts.a },
    );
    await using right = await TestSpeaker.open(speakerConfig(2, { peers: [peer("10.0.0.1", options)] }), {
      netns: hosts.b,
    });
    await Promise.all([left.untilUp(), right.untilUp()]);
  };
  await run();
  const before = count();
  for (let i = 0; i < 3; i++) await run();
  assert.ok(count() <= before, `${count()} open, ${before} before`);
});
