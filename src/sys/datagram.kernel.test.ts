import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { type IpAddress, TortieError, parseAddress } from "../lib/index.ts";
import { inNamespace, makeNamespace, openIcmp6, openUdpReceiver, openUdpSender, removeNamespace } from "./index.ts";

const address = (text: string): IpAddress => parseAddress(text) ?? assert.fail(text);

/** Two namespaces, joined by the links va and vb. */
function joined() {
  const folder = mkdtempSync(join(tmpdir(), "tortie-"));
  const [a, b] = [join(folder, "a"), join(folder, "b")] as const;
  makeNamespace(a);
  makeNamespace(b);
  const ip = (netns: string, words: string) => inNamespace(netns, () => execFileSync("ip", words.split(" ")));
  ip(a, "link add va type veth peer name vb");
  inNamespace(a, () => execFileSync("ip", ["link", "set", "vb", "netns", b]));
  for (const [netns, link, number] of [
    [a, "va", 1],
    [b, "vb", 2],
  ] as const) {
    ip(netns, `link set ${link} addrgenmode none up`);
    ip(netns, `addr add 10.0.0.${number}/24 dev ${link}`);
    ip(netns, `addr add fd00::${number}/64 dev ${link} nodad`);
    ip(netns, `addr add fe80::${number}/64 dev ${link} nodad`);
  }
  return {
    a,
    b,
    ip,
    [Symbol.dispose]() {
      removeNamespace(a);
      removeNamespace(b);
      rmSync(folder, { recursive: true });
    },
  };
}

const failsWith = (errno: string) => (error: unknown) =>
  error instanceof TortieError && error.fields["errno"] === errno;

test("a datagram tells where it is from, where it came to, over which link and with what TTL", async () => {
  using net = joined();
  for (const [from, to, linkName] of [
    ["10.0.0.1", "10.0.0.2", undefined],
    ["fd00::1", "fd00::2", undefined],
    ["fe80::1", "fe80::2", "va"],
  ] as const) {
    const [remote, local] = [address(to), address(from)];
    const version = to.includes(":") ? 6 : 4;
    using receiver = openUdpReceiver({ version, port: 3784, netns: net.b });
    assert.equal(receiver.receiveNow(), undefined);
    const options = { remote, remotePort: 3784, local, localPort: 50000, linkName, netns: net.a };
    for (const ttl of [255, 64]) {
      using sender = openUdpSender({ ...options, ttl });
      sender.send(Uint8Array.of(1, 2, 3));
      await receiver.wait(AbortSignal.timeout(5000));
      assert.deepEqual(receiver.receiveNow(), {
        bytes: Uint8Array.of(1, 2, 3),
        remoteAddress: local,
        localAddress: remote,
        linkName: "vb",
        ttl,
      });
    }
    using first = openUdpSender({ ...options, ttl: 1 });
    first.send(Uint8Array.of());
    assert.throws(() => openUdpSender({ ...options, ttl: 1 }), failsWith("EADDRINUSE"));
  }
});

test("a sender goes on when nobody listened, and says when there is no way or no link", () => {
  using net = joined();
  const options = { remote: address("10.0.0.2"), remotePort: 3784, localPort: 50001, ttl: 255, netns: net.a };
  using sender = openUdpSender(options);
  for (let i = 0; i < 5; i++) sender.send(Uint8Array.of(i));
  assert.throws(() => openUdpSender({ ...options, localPort: 50002, linkName: "nope" }), failsWith("ENODEV"));
  assert.throws(
    () => openUdpSender({ ...options, localPort: 50002, local: address("10.9.9.9") }),
    failsWith("EADDRNOTAVAIL"),
  );
  assert.throws(
    () => openUdpSender({ ...options, localPort: 50002, remote: address("10.9.9.9") }),
    failsWith("ENETUNREACH"),
  );
});

test("a waiting receiver ends with the signal, and when it is closed", async () => {
  using net = joined();
  const receiver = openUdpReceiver({ version: 6, port: 3784, netns: net.a });
  const controller = new AbortController();
  const waiting = receiver.wait(controller.signal);
  controller.abort();
  await waiting;
  const closing = receiver.wait();
  receiver[Symbol.dispose]();
  await closing;
  receiver[Symbol.dispose]();
  assert.equal(receiver.receiveNow(), undefined);
});

test("ICMPv6 is received by type and group on its own link, with the hop limit, and sent from the address that is asked for", async () => {
  using net = joined();
  const allRouters = address("ff02::2");
  using one = openIcmp6({ linkName: "va", types: [133], groups: [], netns: net.a });
  using other = openIcmp6({ linkName: "vb", types: [133], groups: [allRouters], netns: net.b });
  const signal = AbortSignal.timeout(5000);
  // Type 134 first: it is not asked for.
  one.sendTo(Uint8Array.of(134, 0, 0, 0, 0, 0, 0, 0), allRouters, address("fe80::1"));
  one.sendTo(Uint8Array.of(133, 0, 0, 0, 0, 0, 0, 0), allRouters, address("fe80::1"));
  await other.wait(signal);
  const { bytes, ...rest } = other.receiveNow() ?? assert.fail();
  assert.equal(bytes[0], 133);
  assert.notEqual(bytes[2]! + bytes[3]!, 0, "the kernel has filled in the checksum");
  assert.deepEqual(rest, { remoteAddress: "fe80::1", localAddress: allRouters, linkName: "vb", ttl: 255 });
  assert.equal(other.receiveNow(), undefined);
  other.sendTo(Uint8Array.of(133, 0, 0, 0, 0, 0, 0, 0), address("fe80::1"), address("fe80::2"));
  await one.wait(signal);
  assert.equal(one.receiveNow()?.remoteAddress, "fe80::2");
  assert.throws(() => one.sendTo(Uint8Array.of(133), allRouters, address("fe80::9")), TortieError);
  assert.throws(() => openIcmp6({ linkName: "nope", types: [], groups: [], netns: net.a }), failsWith("ENODEV"));
});
