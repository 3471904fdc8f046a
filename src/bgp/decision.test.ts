import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { PathAttributes } from "./attributes.ts";
import type { DecidingStep } from "./config.ts";
import { decide, rank } from "./decision.ts";
import { community } from "./numbers.ts";
import type { Path } from "./path.ts";
import { address } from "./testing/network.ts";
import { makePath, makeSource } from "./testing/paths.ts";

type Wish = Partial<PathAttributes> & { isExternal?: boolean; routerId?: string; peer?: string; isOwn?: boolean };

/** A path of a peer numbered `number`, internal unless it is told otherwise. */
function path(number: number, { isExternal, routerId, peer, isOwn, ...attributes }: Wish = {}): Path {
  const source = makeSource({
    address: peer ?? `192.0.2.${number}`,
    isInternal: isExternal !== true,
    routerId: routerId ?? `192.0.2.${number}`,
  });
  return makePath(isOwn === true ? undefined : source, { nextHop: address(`192.0.2.${number}`), ...attributes });
}

/** .10 is near, .30 is nowhere, all others are a little farther. */
function costOf(nextHop: string): number | undefined {
  if (nextHop === "192.0.2.30") return undefined;
  return nextHop === "192.0.2.10" ? 1 : 5;
}

const through = (...asNumbers: number[]) => [{ type: "sequence" as const, asNumbers }];

test("each step of RFC 4271 section 9.1.2 and RFC 4456 section 9 decides when all before it are equal", () => {
  const cases: [step: DecidingStep, winner: Wish, loser: Wish][] = [
    ["reachability", { nextHop: address("192.0.2.20") }, { nextHop: address("192.0.2.30"), localPref: 200 }],
    ["staleness", {}, { communities: [community.llgrStale], localPref: 200 }],
    ["localPref", { localPref: 200, asPath: through(1, 2) }, { localPref: 150 }],
    ["localPref", { localPref: 101, asPath: through(1, 2) }, {}],
    ["locallyOriginated", { isOwn: true, asPath: through(1) }, {}],
    ["asPathLength", { asPath: through(1), origin: 2 }, { asPath: through(1, 2) }],
    ["asPathLength", { asPath: [{ type: "set", asNumbers: [1, 2, 3] }] }, { asPath: through(1, 2) }],
    ["origin", { origin: 0, med: 9 }, { origin: 1 }],
    ["med", { med: 1 }, { med: 2 }],
    ["med", {}, { med: 1 }],
    ["externalOverInternal", { isExternal: true, routerId: "192.0.2.99" }, {}],
    ["igpCost", { nextHop: address("192.0.2.10"), routerId: "11.0.0.1" }, { nextHop: address("192.0.2.20") }],
    ["routerId", { routerId: "10.0.0.1" }, { routerId: "9.255.255.255", originatorId: address("11.0.0.0") }],
    ["routerId", { routerId: "9.0.0.1" }, { routerId: "10.0.0.1" }],
    ["clusterListLength", { routerId: "1.1.1.1" }, { routerId: "1.1.1.1", clusterList: [address("2.2.2.2")] }],
    ["peerAddress", { routerId: "1.1.1.1", peer: "9.0.0.1" }, { routerId: "1.1.1.1", peer: "10.0.0.1" }],
  ];
  for (const [step, winner, loser] of cases) {
    for (const isFirst of [true, false]) {
      const [good, bad] = [path(7, winner), path(8, loser)];
      const losses: [Path, DecidingStep][] = [];
      const decision = decide(isFirst ? [good, bad] : [bad, good], costOf, (lost, at) => losses.push([lost, at]));
      assert.equal(decision?.best, good, step);
      assert.deepEqual(losses, [[bad, step]]);
    }
  }
});

test("MEDs are compared between routes of one neighbour AS only", () => {
  const cheap = path(9, { asPath: through(65001, 1), med: 10, isExternal: true });
  const dear = path(2, { asPath: through(65001, 1), med: 20, isExternal: true });
  const other = path(3, { asPath: through(65002, 1), med: 30, isExternal: true });
  for (const paths of [
    [cheap, dear, other],
    [other, dear, cheap],
    [dear, other, cheap],
  ]) {
    const decision = decide(paths);
    // Without the grouping `dear` would win by its identifier in some orders.
    assert.equal(decision?.best, other);
    assert.deepEqual(decision?.used, [other, cheap]);
  }
});

test("paths equal up to the class of their peer are used together, one for each next hop", () => {
  const first = path(1, { asPath: through(65001, 7), isExternal: true });
  const second = path(2, { asPath: through(65002, 8), isExternal: true });
  const sameHop = path(3, { asPath: through(65003, 9), isExternal: true, nextHop: address("192.0.2.2") });
  const longer = path(4, { asPath: through(65004, 1, 2), isExternal: true });
  const inner = path(5, { asPath: through(65005, 1) });
  assert.deepEqual(decide([inner, longer, sameHop, second, first])?.used, [first, second]);
});

test("nothing learned is forwarded by while our own route is best", () => {
  const own = path(1, { isOwn: true });
  assert.deepEqual(decide([path(2), own]), { best: own, used: [] });
  const preferred = path(2, { localPref: 2147483135 });
  const normal = path(1, { isOwn: true, localPref: 2147482623 });
  assert.deepEqual(decide([normal, preferred]), { best: preferred, used: [preferred] });
});

test("the decision does not depend on the order in which paths came", () => {
  const wish = fc.record({
    localPref: fc.constantFrom(100, 200),
    origin: fc.nat(2),
    med: fc.nat(2),
    asPath: fc.constantFrom(through(1), through(2), through(1, 2), []),
    isExternal: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(wish, { minLength: 1, maxLength: 6 }), fc.infiniteStream(fc.nat(1000)), (wishes, stream) => {
      const paths = wishes.map((one, i) => path(i + 1, one));
      const order = new Map(paths.map((one) => [one, stream.next().value ?? 0]));
      const shuffled = paths.toSorted((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
      assert.deepEqual(decide(shuffled), decide(paths));
    }),
  );
});

test("there is no decision without a path", () => {
  assert.equal(decide([]), undefined);
});

test("a path whose next hop cannot be reached is no candidate, however many there are", () => {
  const lost = path(1, { nextHop: address("192.0.2.30") });
  assert.equal(decide([lost], costOf), undefined);
  assert.equal(decide([lost], undefined)?.best, lost);
  const kept = path(2);
  assert.deepEqual(decide([lost, kept], costOf), { best: kept, used: [kept] });
});

test("only paths that are equally near are used together", () => {
  const near = [path(1, { nextHop: address("192.0.2.10") })];
  const far = [path(2), path(3)];
  assert.deepEqual(decide([...near, ...far], costOf)?.used, near);
  assert.deepEqual(decide([...near, ...far])?.used, [...near, ...far]);
});

test("the ranking of paths begins with the best and goes on with what is best without it", () => {
  const wish = fc.record({
    localPref: fc.constantFrom(100, 200),
    med: fc.nat(2),
    asPath: fc.constantFrom(through(1), through(2)),
  });
  fc.assert(
    fc.property(fc.array(wish, { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 7 }), (wishes, count) => {
      const paths = wishes.map((one, i) => path(i + 1, one));
      const ranked = rank(paths, count);
      assert.equal(ranked.length, Math.min(count, paths.length));
      let rest = paths;
      for (const one of ranked) {
        assert.equal(decide(rest)?.best, one);
        rest = rest.filter((other) => other !== one);
      }
    }),
  );
});
