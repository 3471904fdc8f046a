import assert from "node:assert/strict";
import { test } from "node:test";
import { type Host, Network, peerAt, route } from "./testing/network.ts";

/** Three hosts in a mesh of both families; each has one block of each. */
function mesh(seed: number, more: { isPassive?: boolean } = {}) {
  const network = new Network(seed);
  const hosts = [1, 2, 3].map((number) => {
    const others = [1, 2, 3].filter((other) => other !== number);
    const peers = others.flatMap((other) => {
      // The lower address waits, as in a Calico mesh.
      const isPassive = more.isPassive === true && other > number;
      return [peerAt(`192.0.2.${other}`, { isPassive }), peerAt(`2001:db8::${other}`, { isPassive })];
    });
    const host = network.add(`h${number}`, [`192.0.2.${number}`, `2001:db8::${number}`], { peers });
    host.originated = [route(`10.${number}.0.0/26`), route(`fd00:${number}::/122`)];
    return host;
  });
  const [a, b, c] = hosts as [Host, Host, Host];
  return { network, a, b, c };
}

function assertWhole({ network, a, b, c }: ReturnType<typeof mesh>, note: string): void {
  for (const host of [a, b, c]) {
    assert.equal(host.kernel.size, 4, `${note}: ${host.name} has ${host.table().join(", ")}`);
    const status = host.core.status(network.nowMs);
    assert.ok(
      status.every(({ state, isRestarting }) => state === "established" && !isRestarting),
      `${note}: ${host.name} ${JSON.stringify(status)}`,
    );
  }
  for (const [one, other] of [
    [a, b],
    [a, c],
    [b, c],
  ] as const) {
    assert.equal(network.connectionCount(one, other), 2, note);
  }
}

test("a restart that the peers notice loses no route anywhere, and ends by itself", () => {
  for (let seed = 0; seed < 40; seed++) {
    const all = mesh(seed, { isPassive: seed % 2 === 0 });
    const { network, a, b, c } = all;
    network.startAll();
    network.run(4000);
    for (const host of [a, b, c]) host.lost.length = 0;
    const kernelBefore = a.table();
    network.kill(a);
    network.run(seed * 100);
    network.start(a, true);
    network.run(12_000);
    assertWhole(all, `seed ${seed}`);
    assert.deepEqual([...a.lost, ...b.lost, ...c.lost], [], `seed ${seed}`);
    assert.deepEqual(a.table(), kernelBefore);
    assert.deepEqual(a.restartEnds.slice(-2).toSorted(), ["ipv4-unicast", "ipv6-unicast"]);
  }
});

test("a restart that the peers do not notice keeps exactly one session each and loses no route", () => {
  for (let seed = 0; seed < 40; seed++) {
    const all = mesh(seed);
    const { network, a, b, c } = all;
    network.startAll();
    network.run(10_000);
    for (const host of [a, b, c]) host.lost.length = 0;
    network.kill(a, true);
    network.run(1000);
    network.start(a, true);
    network.run(12_000);
    assertWhole(all, `seed ${seed}`);
    assert.deepEqual([...b.lost, ...c.lost], [], `seed ${seed}`);
  }
});

test("routes that the restarted peer no longer has go at its End-of-RIB, not before", () => {
  const { network, a, b } = mesh(1);
  network.startAll();
  network.run(4000);
  network.kill(a);
  network.run(2000);
  assert.ok(b.table().includes("10.1.0.0/26 via 192.0.2.1"));
  assert.ok(b.core.routes().some(({ paths }) => paths.some(({ isStale }) => isStale)));
  a.originated = [route("10.1.0.64/26")];
  network.start(a, true);
  network.run(12_000);
  assert.deepEqual(b.lost.toSorted(), ["10.1.0.0/26", "fd00:1::/122"]);
  assert.ok(b.table().includes("10.1.0.64/26 via 192.0.2.1"));
});

test("a peer that does not come back within its restart time loses its routes then", () => {
  const { network, a, b } = mesh(2);
  network.startAll();
  network.run(4000);
  network.kill(a);
  network.run(119_000);
  assert.deepEqual(b.lost, []);
  network.run(2000);
  assert.deepEqual(b.lost.toSorted(), ["10.1.0.0/26", "fd00:1::/122"]);
});

test("routes of a peer that comes back without its forwarding state go at once", () => {
  const { network, a, b } = mesh(3);
  network.startAll();
  network.run(4000);
  network.kill(a);
  network.run(1000);
  a.originated = [];
  network.start(a, false);
  // No End-of-RIB comes, since the owner has not spoken: the forwarding bit alone tells.
  network.run(6000);
  assert.deepEqual(b.lost.toSorted(), ["10.1.0.0/26", "fd00:1::/122"]);
});

test("a shutdown that is said takes the routes away at once", () => {
  const { network, a, b } = mesh(4);
  network.startAll();
  network.run(4000);
  network.input(a, { type: "stop", reason: "shutDown" });
  network.run(50);
  assert.deepEqual(b.lost.toSorted(), ["10.1.0.0/26", "fd00:1::/122"]);
  assert.match(b.core.status(network.nowMs)[0]?.lastError ?? "", /administrative shutdown|closed|refused/);
});

test("a restarting speaker uses no learned route and sends no End-of-RIB before its owner has spoken", () => {
  const { network, a, b } = mesh(5);
  network.startAll();
  network.run(4000);
  network.kill(a);
  network.run(500);
  const originated = a.originated;
  a.kernel.clear();
  a.restartEnds.length = 0;
  network.start(a, true);
  network.input(a, { type: "originate", routes: [] });
  // Not spoken: a core that only got its configuration.
  const { network: other, a: lonely } = mesh(6);
  other.start(lonely, true);
  assert.deepEqual(lonely.restartEnds, []);
  a.originated = originated;
  network.run(12_000);
  assert.equal(a.restartEnds.length, 2);
  assert.equal(b.kernel.size, 4 - 2);
});

test("a dead peer holds up the end of a restart for half a minute, not for the whole restart time", () => {
  const { network, a, b, c } = mesh(7);
  network.startAll();
  network.run(4000);
  network.kill(c);
  network.kill(a);
  a.restartEnds.length = 0;
  a.kernel.clear();
  network.start(a, true);
  network.run(29_000);
  assert.deepEqual(a.restartEnds, []);
  assert.deepEqual(a.table(), []);
  // Own routes are told all the while.
  assert.ok(
    b.core.routes().every(({ paths }) => paths.every(({ isStale, peer }) => !isStale || peer !== a.addresses[0])),
  );
  network.run(2000);
  assert.equal(a.restartEnds.length, 2);
  assert.deepEqual(a.table(), ["10.2.0.0/26 via 192.0.2.2", "fd00:2::/122 via 2001:db8::2"]);
});

test("two speakers that restart together do not wait for each other", () => {
  const all = mesh(8);
  const { network, a, b } = all;
  network.startAll();
  network.run(4000);
  network.kill(a);
  network.kill(b);
  a.restartEnds.length = 0;
  network.start(a, true);
  network.start(b, true);
  network.run(15_000);
  assert.equal(a.restartEnds.length, 2);
  assertWhole(all, "both");
});
