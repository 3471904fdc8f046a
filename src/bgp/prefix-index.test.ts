import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PrefixIndex } from "./prefix-index.ts";
import { type PrefixKey, cidrToKey, keyAt } from "./prefix-key.ts";
import { route } from "./testing/network.ts";

/** For prefixes that nobody has sought out. */
const never = () => assert.fail("no salt is needed");

type Thing = { readonly key: PrefixKey; readonly id: number };

test("an index holds what a Map would hold, whatever comes and goes", () => {
  const keys = Array.from({ length: 120 }, (_, i) =>
    cidrToKey(route(i < 60 ? `10.0.${i}.0/24` : `2001:db8:${i.toString(16)}::/48`).prefix),
  );
  const step = fc.record({ which: fc.nat(keys.length - 1), isAdded: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 500, size: "max" }), (steps) => {
      const index = new PrefixIndex<Thing>(never);
      const map = new Map<PrefixKey, Thing>();
      for (const { which, isAdded } of steps) {
        const key = keys[which]!;
        const known = map.get(key);
        if (!isAdded && known !== undefined) {
          index.delete(known);
          map.delete(key);
        } else if (isAdded && known === undefined) {
          map.set(
            key,
            index.add(key, (id) => ({ key, id })),
          );
        }
      }
      assert.equal(index.size, map.size);
      for (const key of keys) assert.equal(index.get(key), map.get(key));
      for (const thing of map.values()) assert.equal(index.byId(thing.id), thing);
      assert.deepEqual(new Set(index.values()), new Set(map.values()));
    }),
  );
});

test("a hundred thousand prefixes in a row are all found", () => {
  const index = new PrefixIndex<Thing>(never);
  const keyOf = (i: number) => cidrToKey(route(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32`).prefix);
  for (let i = 0; i < 100_000; i++) index.add(keyOf(i), (id) => ({ key: keyOf(i), id }));
  for (let i = 0; i < 100_000; i += 777) assert.equal(index.get(keyOf(i))?.id, i);
  assert.equal(index.get(keyOf(100_000)), undefined);
});

/** The hash of the source, which anybody can read. */
function knownHash(key: PrefixKey): number {
  let hash = key.length;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash, 0x01000193) ^ key.charCodeAt(i);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return hash ^ (hash >>> 15);
}

test("prefixes that were sought out to meet in one place bring another hash, once, and are all found", () => {
  const meeting: PrefixKey[] = [];
  for (let i = 0; meeting.length < 300; i++) {
    const octets = [i >>> 24, (i >> 16) & 255, (i >> 8) & 255, i & 255];
    const key = keyAt(Uint8Array.from([0x20, 1, 0x0d, 0xb8, ...octets]), 0, 64);
    if ((knownHash(key) & 1023) === 7) meeting.push(key);
  }
  let saltCount = 0;
  const index = new PrefixIndex<Thing>(() => {
    saltCount++;
    return 0.5;
  });
  const things = meeting.map((key) => index.add(key, (id) => ({ key, id })));
  assert.equal(saltCount, 1);
  for (const thing of things) assert.equal(index.get(thing.key), thing);
  for (const thing of things.filter((_, i) => i % 3 === 0)) index.delete(thing);
  for (const [i, thing] of things.entries()) assert.equal(index.get(thing.key), i % 3 === 0 ? undefined : thing);
});
