import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PrefixIndex } from "./prefix-index.ts";
import { type PrefixKey, cidrToKey } from "./prefix-key.ts";
import { route } from "./testing/network.ts";

type Thing = { readonly key: PrefixKey; readonly id: number };

test("an index holds what a Map would hold, whatever comes and goes", () => {
  const keys = Array.from({ length: 120 }, (_, i) =>
    cidrToKey(route(i < 60 ? `10.0.${i}.0/24` : `2001:db8:${i.toString(16)}::/48`).prefix),
  );
  const step = fc.record({ which: fc.nat(keys.length - 1), isAdded: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 500, size: "max" }), (steps) => {
      const index = new PrefixIndex<Thing>();
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
  const index = new PrefixIndex<Thing>();
  const keyOf = (i: number) => cidrToKey(route(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32`).prefix);
  for (let i = 0; i < 100_000; i++) index.add(keyOf(i), (id) => ({ key: keyOf(i), id }));
  for (let i = 0; i < 100_000; i += 777) assert.equal(index.get(keyOf(i))?.id, i);
  assert.equal(index.get(keyOf(100_000)), undefined);
});
