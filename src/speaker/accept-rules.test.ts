import assert from "node:assert/strict";
import { test } from "node:test";
import type { PeerConfig, PeerRange, SessionConfig } from "../bgp/index.ts";
import { parseAddress, parseCidr } from "../lib/index.ts";
import { AcceptRules } from "./accept-rules.ts";

const address = (text: string) => parseAddress(text) ?? assert.fail(text);
const session: SessionConfig = {
  type: "nodePeer",
  port: 179,
  asNumber: "external",
  isPassive: false,
  families: ["ipv4-unicast"],
  nextHopMode: "auto",
};

function peer(remote: string, more: Partial<PeerConfig> = {}): PeerConfig {
  return { ...session, name: `${remote} ${more.linkName ?? ""} ${more.port ?? ""}`, address: address(remote), ...more };
}

function range(prefix: string, more: Partial<SessionConfig> = {}, linkName?: string): PeerRange {
  return {
    name: prefix,
    prefix: parseCidr(prefix) ?? assert.fail(prefix),
    session: { ...session, ...more },
    maxPeers: 10,
    ...(linkName === undefined ? {} : { linkName }),
  };
}

test("passwords go by the address of a peer and the prefix of a range", () => {
  const rules = new AcceptRules({
    peers: [peer("10.0.0.1", { password: "a" }), peer("10.0.0.2"), peer("fd00::1", { password: "b" })],
    ranges: [range("10.1.0.0/16", { password: "c" }), range("fd00:1::/32")],
  });
  assert.deepEqual(
    [...rules.passwords],
    [
      ["10.0.0.1/32", "a"],
      ["fd00::1/128", "b"],
      ["10.1.0.0/16", "c"],
    ],
  );
  assert.deepEqual(rules.conflicts, []);
});

test("of two passwords for one address the first is taken, and the address is told", () => {
  const rules = new AcceptRules({
    peers: [
      peer("fe80::1", { password: "a", linkName: "eth0" }),
      peer("fe80::1", { password: "b", linkName: "eth1" }),
      peer("10.0.0.1", { password: "c", port: 179 }),
      peer("10.0.0.1", { password: "c", port: 1790 }),
    ],
  });
  assert.equal(rules.passwords.get(parseCidr("fe80::1/128")!), "a");
  assert.deepEqual(rules.conflicts, ["fe80::1/128"]);
});

test("the least TTL is that of the peer, on its link, and that of a range only for those without a name of their own", () => {
  const rules = new AcceptRules({
    peers: [
      peer("10.0.0.1", { ttlSecurityHops: 1 }),
      peer("10.0.0.2"),
      peer("10.0.0.3", { ttlSecurityHops: 5 }),
      peer("10.0.0.3", { ttlSecurityHops: 2, port: 1790 }),
      peer("fe80::1", { ttlSecurityHops: 1, linkName: "eth0" }),
      peer("fe80::1", { linkName: "eth1" }),
    ],
    ranges: [range("10.0.0.0/24", { ttlSecurityHops: 3 }), range("fe80::/10", { ttlSecurityHops: 254 }, "eth2")],
  });
  const minTtl = (remote: string, link?: string) => rules.minTtl(address(remote), link);
  assert.equal(minTtl("10.0.0.1"), 255);
  assert.equal(minTtl("10.0.0.2"), undefined);
  assert.equal(minTtl("10.0.0.3"), 254);
  assert.equal(minTtl("10.0.0.4"), 253);
  assert.equal(minTtl("10.0.1.4"), undefined);
  assert.equal(minTtl("fe80::1", "eth0"), 255);
  assert.equal(minTtl("fe80::1", "eth1"), undefined);
  assert.equal(minTtl("fe80::1", "eth2"), 2);
  assert.equal(minTtl("fe80::1", "eth3"), undefined);
});
