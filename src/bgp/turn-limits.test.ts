import assert from "node:assert/strict";
import { test } from "node:test";
import type { PeerConfig } from "./config.ts";
import { address, route } from "./testing/network.ts";
import { reflector } from "./testing/reflector.ts";

const limit = 100;
const prefixes = Array.from({ length: 1000 }, (_, i) => route(`10.0.${i >> 8}.${i & 255}/32`).prefix);

/** Two clients, of which one has told a lot. */
function network(restartTimeSeconds = 0) {
  const gracefulRestart = {
    isRestarting: false,
    hasNotifications: false,
    restartTimeSeconds,
    families: [{ family: "ipv4-unicast" as const, isForwarding: true }],
  };
  const { stage, peers, clients } = reflector(2, {
    core: { limits: { decided: limit } },
    options: () => (restartTimeSeconds === 0 ? {} : { open: { gracefulRestart } }),
  });
  const [big, other] = clients;
  assert.ok(big !== undefined && other !== undefined);
  big.announce(prefixes);
  stage.settle();
  assert.equal(other.prefixes().length, prefixes.length);

  const marks = () => new Map(stage.core.routes().map(({ prefix, paths }) => [prefix, paths[0]?.communities.join()]));
  /** How many turns it takes until there is nothing to do. No step may change more of the table than may be decided. */
  const turnsAfter = (start: () => void): number => {
    let before = marks();
    const look = () => {
      const after = marks();
      const changed = prefixes.filter((prefix) => before.get(prefix) !== after.get(prefix)).length;
      assert.ok(changed <= limit, `${changed} routes in one step`);
      before = after;
    };
    start();
    look();
    let turns = 0;
    for (; stage.isTurnWanted; turns++) {
      stage.turn();
      look();
    }
    return turns;
  };
  const reconfigure = (more: Partial<PeerConfig>) =>
    stage.configure({ peers: peers.map((peer) => ({ ...peer, ...more })), nextHop6: address("2001:db8::ffff") });
  return { stage, big, other, turnsAfter, reconfigure };
}

test("the routes of a peer that is lost go by and by, until none is left", () => {
  const { stage, big, other, turnsAfter } = network();
  assert.ok(turnsAfter(() => big.lose()) >= prefixes.length / limit);
  assert.deepEqual(stage.core.routes(), []);
  assert.equal(other.table.size, 0);
  assert.equal(stage.core.status(0)[0]?.prefixesReceived, 0);
});

test("what a peer tells that is back before its routes are gone stays, and counts alone", () => {
  const { stage, big, other } = network();
  big.lose();
  stage.turn();
  assert.ok(other.table.size > 500);
  assert.equal(stage.core.status(0)[0]?.prefixesReceived, 0);
  big.connect();
  big.announce(prefixes.slice(-10), { communities: [7] });
  big.withdraw(prefixes.slice(-5));
  assert.equal(stage.core.status(0)[0]?.prefixesReceived, 5);
  stage.settle();
  assert.deepEqual(other.prefixes(), prefixes.slice(-10, -5).toSorted());
  assert.deepEqual(other.heard(prefixes.at(-10) ?? "")?.communities, [7]);
  assert.equal(stage.core.status(0)[0]?.prefixesReceived, 5);
});

test("what a peer that has restarted does not tell again goes by and by", () => {
  const { big, other, turnsAfter } = network(120);
  big.lose();
  big.connect();
  big.announce(prefixes.slice(0, 10));
  assert.ok(turnsAfter(() => big.endOfRib("ipv4-unicast")) >= prefixes.length / limit);
  assert.equal(other.table.size, 10);
});

test("another import policy judges what a peer has told by and by, both ways", () => {
  const { other, turnsAfter, reconfigure } = network();
  const rules = [{ match: {}, action: "next", set: { addCommunities: [7] } }] as const;
  const turns = [
    turnsAfter(() => reconfigure({ importPolicy: { name: "marks", rules, otherwise: "accept" } })),
    turnsAfter(() => reconfigure({ importPolicy: { name: "refuses", rules: [], otherwise: "reject" } })),
  ];
  assert.equal(other.table.size, 0);
  turns.push(turnsAfter(() => reconfigure({ importPolicy: { name: "marks", rules, otherwise: "accept" } })));
  for (const count of turns) assert.ok(count >= prefixes.length / limit);
  assert.equal(other.table.size, prefixes.length);
  assert.deepEqual(other.heard(prefixes[0] ?? "")?.communities, [7]);
});
