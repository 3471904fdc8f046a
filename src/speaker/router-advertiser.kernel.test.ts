import assert from "node:assert/strict";
import test from "node:test";
import { seededRandom, silentLogger } from "../lib/index.ts";
import { openIcmp6 } from "../sys/index.ts";
import { openRouterAdvertiser } from "./router-advertiser.ts";
import { LinkedHosts, address, eventually } from "./testing/linked-hosts.ts";

const limit = { timeout: 120_000 };
const open = (netns: string, seed: number) =>
  openRouterAdvertiser({ log: silentLogger, random: seededRandom(seed), netns });

test("two hosts that know but the name of their link find each other's link-local address", limit, async () => {
  await using hosts = new LinkedHosts();
  await using a = open(hosts.a, 1);
  await using b = open(hosts.b, 2);
  const { signal } = new AbortController();
  const found: Record<"a" | "b", string[]> = { a: [], b: [] };
  // The link of b comes up only later.
  hosts.ip(hosts.b, "link set vb down");
  a.configure(["va"]);
  b.configure(["vb"]);
  a.discover({ linkName: "va", signal, onNeighbour: (neighbour) => found.a.push(neighbour) });
  b.discover({ linkName: "vb", signal, onNeighbour: (neighbour) => found.b.push(neighbour) });
  hosts.up(hosts.b, "vb", 2);
  await eventually("both neighbours", () => found.a.includes("fe80::2") && found.b.includes("fe80::1"));
  assert.deepEqual(found, { a: ["fe80::2"], b: ["fe80::1"] });
  // A second one that asks is told at once.
  let told = "";
  a.discover({ linkName: "va", signal, onNeighbour: (neighbour) => (told = neighbour) });
  assert.equal(told, "fe80::2");
  assert.equal(hosts.ip(hosts.b, "-6 route show default"), "", "nobody takes the other for a default router");
});

test("a host that sends no adverts is found by its answer to an echo request", limit, async () => {
  await using hosts = new LinkedHosts();
  await using a = open(hosts.a, 1);
  const controller = new AbortController();
  const found: string[] = [];
  a.discover({ linkName: "va", signal: controller.signal, onNeighbour: (neighbour) => found.push(neighbour) });
  await eventually("the neighbour", () => found.length > 0);
  assert.deepEqual(found, ["fe80::2"]);
  controller.abort();
});

test("a host that hears adverts with less than the full hop limit believes none", limit, async () => {
  await using hosts = new LinkedHosts();
  await using a = open(hosts.a, 1);
  const { signal } = new AbortController();
  const found: string[] = [];
  // No answers to echo requests, which would be believed.
  hosts.run(hosts.b, "sysctl", ["-qw", "net.ipv6.icmp.echo_ignore_all=1", "net.ipv6.icmp.echo_ignore_multicast=1"]);
  a.discover({ linkName: "va", signal, onNeighbour: (neighbour) => found.push(neighbour) });
  using seen = openIcmp6({ linkName: "vb", types: [133], groups: [address("ff02::2")], netns: hosts.b });
  await seen.wait(AbortSignal.timeout(10_000));
  const forged = `
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 64)
s.sendto(bytes([134] + [0] * 15), ("fe80::1", 0, 0, socket.if_nametoindex("vb")))
`;
  hosts.run(hosts.b, "python3", ["-c", forged]);
  await using b = open(hosts.b, 2);
  // From another address than the forged one, so that it shows which of them was believed.
  hosts.ip(hosts.b, "addr add fe80::22/64 dev vb nodad");
  hosts.ip(hosts.b, "addr del fe80::2/64 dev vb");
  b.configure(["vb"]);
  await eventually("the true neighbour", () => found.length > 0);
  assert.deepEqual(found, ["fe80::22"]);
});
