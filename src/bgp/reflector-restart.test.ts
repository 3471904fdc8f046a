import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCidr, seededRandom } from "../lib/index.ts";
import { allFamilies } from "./config.ts";
import { SpeakerCore } from "./speaker-core.ts";
import { type Host, Network, address, peerAt, route } from "./testing/network.ts";

/** A reflector and three clients that know nothing of each other. */
function star(seed: number) {
  const network = new Network(seed);
  const reflector = network.add("rr", ["192.0.2.100"], {
    peers: [],
    ranges: [
      {
        name: "clients",
        prefix: parseCidr("192.0.2.0/24") ?? assert.fail(),
        maxPeers: 10,
        session: {
          type: "dynamic",
          port: 179,
          asNumber: "internal",
          isPassive: false,
          families: allFamilies,
          nextHopMode: "auto",
          reflectorCluster: address("192.0.2.100"),
        },
      },
    ],
  });
  const clients = [1, 2, 3].map((number) => {
    const peers = [peerAt("192.0.2.100", { families: allFamilies })];
    const config = { peers, nextHop6: address(`2001:db8::${number}`) };
    const client = network.add(`c${number}`, [`192.0.2.${number}`], config);
    client.originated = [route(`10.${number}.0.0/26`), route(`fd00:${number}::/122`)];
    return client;
  });
  const [a, b, c] = clients as [Host, Host, Host];
  const startReflector = () => {
    reflector.core = new SpeakerCore({ isRestart: false, tellsRoutes: false, random: seededRandom(seed) });
    reflector.isUp = true;
    network.input(reflector, { type: "configure", config: reflector.config });
    network.input(reflector, { type: "originate", routes: [] });
  };
  startReflector();
  for (const client of clients) network.start(client);
  network.run(4000);
  for (const client of clients) assert.equal(client.kernel.size, 4, client.table().join(", "));
  return { network, reflector, startReflector, clients, a, b, c };
}

test("a reflector tells routes at once, also in the time in which it keeps its End-of-RIB back", () => {
  const { network, clients } = star(1);
  assert.equal(network.nowMs, 4000);
  for (const { core } of clients) {
    assert.ok(core.routes().some(({ paths }) => paths.some(({ clusterList }) => clusterList?.length === 1)));
  }
});

test("a reflector that was killed costs no route, though its clients come back one after the other", () => {
  for (let seed = 0; seed < 20; seed++) {
    const { network, reflector, startReflector, clients, a, c } = star(seed);
    network.kill(reflector);
    network.cut(reflector, c);
    network.run(500 + seed * 100);
    startReflector();
    network.run(4000);
    assert.equal(a.core.status(network.nowMs)[0]?.state, "established");
    network.cut(reflector, c, false);
    network.run(60_000);
    for (const client of clients) {
      assert.deepEqual(client.lost, [], `seed ${seed}`);
      assert.equal(client.kernel.size, 4);
      assert.ok(
        client.core.status(network.nowMs).every(({ state, isRestarting }) => state === "established" && !isRestarting),
      );
    }
  }
});

test("routes of a client that does not come back go when the others have been back for a while", () => {
  const { network, reflector, startReflector, a, b, c } = star(3);
  network.kill(reflector);
  network.kill(c);
  network.run(1000);
  startReflector();
  network.run(4000);
  assert.deepEqual([...a.lost, ...b.lost], []);
  network.run(30_000);
  assert.deepEqual(a.lost.toSorted(), ["10.3.0.0/26", "fd00:3::/122"]);
  assert.deepEqual(b.lost.toSorted(), ["10.3.0.0/26", "fd00:3::/122"]);
});

test("a client that waits to be called after a loss is called, and one that does not answer is forgotten in the end", () => {
  for (let seed = 0; seed < 10; seed++) {
    const { network, reflector, clients, a, c } = star(seed);
    // From now on they only wait, as FRR does while it keeps a peer's routes.
    for (const client of clients) {
      client.config = { ...client.config, peers: client.config.peers.map((peer) => ({ ...peer, isPassive: true })) };
      network.input(client, { type: "configure", config: client.config });
    }
    for (const client of clients) network.reset(reflector, client);
    network.kill(c);
    network.run(3000);
    const standing = reflector.core.status(network.nowMs).filter(({ state }) => state === "established");
    assert.deepEqual(standing.map(({ address: at }) => at).toSorted(), ["192.0.2.1", "192.0.2.2"]);
    assert.equal(a.core.status(network.nowMs)[0]?.state, "established");
    network.run(130_000);
    assert.equal(reflector.core.status(network.nowMs).length, 2);
    assert.deepEqual(
      [...reflector.timers.keys()].filter((name) => name.startsWith("clients/192.0.2.3|")),
      [],
    );
  }
});

test("clients that were there before a restart are called, unless they come by themselves", () => {
  const { network, reflector, startReflector, clients, a, c } = star(7);
  for (const client of clients.slice(0, 2)) {
    client.config = { ...client.config, peers: client.config.peers.map((peer) => ({ ...peer, isPassive: true })) };
    network.input(client, { type: "configure", config: client.config });
  }
  network.kill(reflector);
  network.kill(c);
  const [range] = reflector.config.ranges ?? [];
  const expected = [1, 2, 3].map((number) => ({ address: address(`192.0.2.${number}`) }));
  reflector.config = { ...reflector.config, ranges: [{ ...(range ?? assert.fail()), expected }] };
  startReflector();
  network.run(1500);
  assert.equal(a.core.status(network.nowMs)[0]?.state, "active");
  network.run(1500);
  assert.equal(a.core.status(network.nowMs)[0]?.state, "established");
  network.run(130_000);
  assert.deepEqual(
    reflector.core.status(network.nowMs).map(({ address: at, state }) => [at, state]),
    [
      ["192.0.2.1", "established"],
      ["192.0.2.2", "established"],
    ],
  );
});
