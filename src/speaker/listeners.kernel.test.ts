import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { PeerConfig, PeerRange, SessionConfig, SpeakerConfig } from "../bgp/index.ts";
import { type IpAddress, TortieError, addressVersion, parseCidr, silentLogger } from "../lib/index.ts";
import { type AcceptedTcp, type ConnectOptions, Poller, TcpSocket, inNamespace } from "../sys/index.ts";
import { Listeners } from "./listeners.ts";
import { RareLog } from "./rare-log.ts";
import { LinkedHosts, address, eventually } from "./testing/linked-hosts.ts";
import { RoutedHosts } from "./testing/routed-hosts.ts";

const session: SessionConfig = {
  type: "nodePeer",
  port: 179,
  asNumber: "internal",
  isPassive: false,
  families: ["ipv4-unicast"],
  nextHopMode: "auto",
};

function peer(remote: string, more: Partial<PeerConfig> = {}): PeerConfig {
  return { ...session, name: remote, address: address(remote), ...more };
}

function range(prefix: string, more: Partial<SessionConfig>): PeerRange {
  return {
    name: prefix,
    prefix: parseCidr(prefix) ?? assert.fail(prefix),
    session: { ...session, ...more },
    maxPeers: 10,
  };
}

function config(more: Partial<SpeakerConfig>): SpeakerConfig {
  return {
    localAs: 64512,
    routerId: address("10.0.0.1"),
    listenPort: 179,
    restartTimeSeconds: 120,
    exportWithin: "all",
    peers: [],
    ...more,
  };
}

/** Listeners on one of the hosts, and who has come in there. */
class Door implements Disposable {
  readonly accepted: AcceptedTcp[] = [];
  readonly lines: string[] = [];
  readonly listeners: Listeners;
  readonly #poller = new Poller(() => setImmediate(() => this.#poller.dispatch(() => true)));

  constructor(netns: string) {
    const say = (text: string, fields: unknown) => void this.lines.push(`${text} ${JSON.stringify(fields)}`);
    const log = { ...silentLogger, info: say, warn: say, error: say };
    const rare = new RareLog(log, () => performance.now());
    const onAccepted = (accepted: AcceptedTcp) => void this.accepted.push(accepted);
    this.listeners = new Listeners({ poller: this.#poller, log, rare, netns, onAccepted });
  }

  /** Whether somebody from the given host with these options gets in. */
  async letsIn(netns: string, options: Omit<ConnectOptions, "port"> & { port?: number }): Promise<boolean> {
    const before = this.accepted.length;
    using client = inNamespace(netns, () => TcpSocket.connect({ port: 179, ...options }));
    const buffer = new Uint8Array(1);
    // Turned away is who is cut off, or gets no answer at all.
    for (let waitedMs = 0; waitedMs < 300; waitedMs += 20) {
      await sleep(20);
      if (this.accepted.length > before) return true;
      try {
        if (client.read(buffer) === 0) return false;
      } catch (error) {
        if (!(error instanceof TortieError)) throw error;
        if (error.fields["errno"] !== "ENOTCONN") return false;
      }
    }
    return false;
  }

  [Symbol.dispose](): void {
    this.listeners[Symbol.dispose]();
    for (const { socket } of this.accepted) socket[Symbol.dispose]();
    this.#poller[Symbol.dispose]();
  }
}

const ends = [
  ["IPv4", address("10.0.0.1"), address("10.0.0.2")],
  ["IPv6", address("fd00::1"), address("fd00::2")],
] as const;

for (const [version, own, other] of ends) {
  test(`a peer with a password gets in by it alone over ${version}, by a new one as soon as that is configured`, async () => {
    await using hosts = new LinkedHosts();
    using door = new Door(hosts.a);
    const from = { remote: own, local: other };
    door.listeners.configure(config({ peers: [peer(other, { password: "one" })] }));
    assert.equal(await door.letsIn(hosts.b, from), false, "without");
    assert.equal(await door.letsIn(hosts.b, { ...from, password: "two" }), false, "with a wrong one");
    assert.equal(await door.letsIn(hosts.b, { ...from, password: "one" }), true);
    door.listeners.configure(config({ peers: [peer(other, { password: "two" })] }));
    assert.equal(await door.letsIn(hosts.b, { ...from, password: "one" }), false, "with that of before");
    assert.equal(await door.letsIn(hosts.b, { ...from, password: "two" }), true);
    door.listeners.configure(config({ peers: [peer(other)] }));
    assert.equal(await door.letsIn(hosts.b, { ...from, password: "two" }), false, "with one where none is");
    assert.equal(await door.letsIn(hosts.b, from), true);
  });

  test(`whoever has come before a password was there does not get in over ${version}`, async () => {
    await using hosts = new LinkedHosts();
    using door = new Door(hosts.a);
    door.listeners.configure(config({}));
    using early = new DisposableStack();
    const count = 3;
    for (let i = 0; i < count; i++)
      early.use(inNamespace(hosts.b, () => TcpSocket.connect({ remote: own, local: other, port: 179 })));
    // In this turn of the event loop: the kernel has taken the connections, and nobody has looked at them yet.
    const counted = "ss -Htn state established sport = :179 | wc -l";
    hosts.run(hosts.a, "sh", ["-c", `until [ "$(${counted})" -eq ${count} ]; do :; done`]);
    door.listeners.configure(config({ peers: [peer(other, { password: "one" })] }));
    await sleep(50);
    assert.deepEqual(door.accepted, []);
    assert.equal(await door.letsIn(hosts.b, { remote: own, local: other, password: "one" }), true);
  });

  test(`a range has one password for all, and a peer in it has its own over ${version}`, async () => {
    await using hosts = new LinkedHosts();
    using door = new Door(hosts.a);
    const isV4 = addressVersion(own) === 4;
    const one = address(isV4 ? "10.0.0.77" : "fd00::77");
    hosts.ip(hosts.b, `addr add ${one}/${isV4 ? 24 : 64} dev vb ${isV4 ? "" : "nodad"}`.trim());
    const prefix = isV4 ? "10.0.0.0/24" : "fd00::/64";
    door.listeners.configure(
      config({ peers: [peer(one, { password: "mine" })], ranges: [range(prefix, { password: "ours" })] }),
    );
    const tries = [other, one].flatMap((local) =>
      ["ours", "mine", undefined].map((password) => ({ local, ...(password === undefined ? {} : { password }) })),
    );
    const got: boolean[] = [];
    for (const options of tries) got.push(await door.letsIn(hosts.b, { remote: own, ...options }));
    assert.deepEqual(got, [true, false, false, false, true, false]);
  });

  test(`from further away than allowed nobody gets in over ${version}, and that is said once`, async () => {
    await using hosts = new RoutedHosts();
    using door = new Door(hosts.a);
    const far: IpAddress = address(addressVersion(own) === 4 ? "10.1.0.3" : "fd01::3");
    const near = { ttl: 255, remote: own };
    door.listeners.configure(
      config({ peers: [peer(other, { ttlSecurityHops: 1 }), peer(far, { ttlSecurityHops: 1 })] }),
    );
    assert.equal(await door.letsIn(hosts.b, { ...near, local: other }), true);
    assert.equal(await door.letsIn(hosts.b, { ...near, local: other, ttl: 254 }), false);
    assert.equal(await door.letsIn(hosts.c, { ...near, local: far }), false);
    assert.equal(door.lines.filter((line) => /further away/.test(line)).length, 1, door.lines.join());
    door.listeners.configure(config({ peers: [peer(far, { ttlSecurityHops: 2 })] }));
    assert.equal(await door.letsIn(hosts.c, { ...near, local: far }), true);
  });
}

test("addresses and port to listen on change without a stop, and what cannot be had is tried until it can", async () => {
  await using hosts = new LinkedHosts();
  using door = new Door(hosts.a);
  const four = { remote: address("10.0.0.1") };
  const six = { remote: address("fd00::1") };
  assert.deepEqual(door.listeners.configure(config({})), []);
  assert.equal(await door.letsIn(hosts.b, four), true);
  assert.equal(await door.letsIn(hosts.b, six), true);
  assert.deepEqual(door.listeners.configure(config({ listenAddresses: [address("10.0.0.1")] })), []);
  assert.equal(await door.letsIn(hosts.b, four), true);
  assert.equal(await door.letsIn(hosts.b, six), false);
  const elsewhere = config({ listenPort: 1790, listenAddresses: [address("fd00::1"), address("fd00::99")] });
  assert.deepEqual(door.listeners.configure(elsewhere), []);
  assert.equal(await door.letsIn(hosts.b, four), false);
  assert.equal(await door.letsIn(hosts.b, { ...six, port: 1790 }), true);
  // An address that comes later.
  hosts.ip(hosts.a, "addr add fd00::99/64 dev va nodad");
  assert.equal(await door.letsIn(hosts.b, { remote: address("fd00::99"), port: 1790 }), true);

  using other = new Door(hosts.a);
  const [failure] = other.listeners.configure(config({ listenPort: 1790, listenAddresses: [address("fd00::1")] }));
  assert.match(String(failure), /listening on \[fd00::1\]:1790: EADDRINUSE/);
  assert.match(failure?.hint ?? "", /another program listens there/);
  door.listeners[Symbol.dispose]();
  await eventually("the port", () => other.letsIn(hosts.b, { ...six, port: 1790 }));
});

test("a password that the kernel does not take shuts the door instead of leaving it open", async () => {
  await using hosts = new LinkedHosts();
  using door = new Door(hosts.a);
  const peers = [peer("10.0.0.2", { password: "x".repeat(81) }), peer("10.0.0.3")];
  door.listeners.configure(config({ peers }));
  assert.equal(await door.letsIn(hosts.b, { remote: address("10.0.0.1"), local: address("10.0.0.2") }), false);
  assert.match(door.lines.join(), /does not take their password/);
  assert.doesNotMatch(door.lines.join(), /xxx/);
  door.listeners.configure(config({ peers: [peer("10.0.0.2")] }));
  assert.equal(await door.letsIn(hosts.b, { remote: address("10.0.0.1"), local: address("10.0.0.2") }), true);
});

test("two links with neighbours of one link-local address and two passwords: the first is taken, and that is said once", async () => {
  await using hosts = new LinkedHosts();
  using door = new Door(hosts.a);
  const peers = [
    peer("fe80::2", { password: "one", linkName: "va" }),
    peer("fe80::2", { password: "two", linkName: "vx", name: "other" }),
  ];
  door.listeners.configure(config({ peers }));
  door.listeners.configure(config({ peers }));
  assert.equal(door.lines.length, 1, door.lines.join());
  assert.match(door.lines.join(), /two passwords/);
  const from = { remote: address("fe80::1"), linkName: "vb" };
  assert.equal(await door.letsIn(hosts.b, { ...from, password: "one" }), true);
  assert.equal(door.accepted[0]?.linkName, "va");
  assert.equal(await door.letsIn(hosts.b, { ...from, password: "two" }), false);
});
