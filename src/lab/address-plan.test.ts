import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cidrContains, makeCidr } from "../lib/index.ts";
import {
  hostAddresses,
  linkAddresses,
  linkMac,
  maxHosts,
  maxSpines,
  numberHosts,
  ownPrefixes,
  spineAddresses,
  spinePrefixes,
} from "./address-plan.ts";

const names = fc.uniqueArray(fc.constantFrom(..."abcdefghij"), { maxLength: 10 });

test("hosts are numbered from 1 in their order", () => {
  assert.deepEqual(
    [...numberHosts(["x", "y"], new Map())],
    [
      ["x", 1],
      ["y", 2],
    ],
  );
});

test("a host keeps its number while others come and go", () => {
  fc.assert(
    fc.property(names, names, (before, after) => {
      const old = numberHosts(before, new Map());
      const next = numberHosts(after, old);
      for (const name of after) if (old.has(name)) assert.equal(next.get(name), old.get(name));
      assert.equal(new Set(next.values()).size, after.length);
      assert.ok([...next.values()].every((number) => number >= 1 && number <= before.length + after.length));
    }),
  );
});

test("addresses read as they are written down", () => {
  const texts = (pair: readonly { address: string; length: number }[]) =>
    pair.map(({ address, length }) => `${address}/${length}`);
  assert.deepEqual(texts(hostAddresses(3, true)), ["172.30.0.3/16", "fd00:30::3/64"]);
  assert.deepEqual(texts(hostAddresses(3, false)), ["172.30.0.3/32", "fd00:30::3/128"]);
  assert.deepEqual(texts(linkAddresses(3, 1).host), ["172.31.0.7/31", "fd00:31:0:1::7/127"]);
  assert.deepEqual(texts(linkAddresses(3, 2).spine), ["172.31.16.6/31", "fd00:31:0:2::6/127"]);
  assert.deepEqual(texts(spineAddresses(2)), ["172.31.16.1/32", "fd00:31:0:2::1/128"]);
  assert.deepEqual(spinePrefixes(2), ["172.31.16.0/20", "fd00:31:0:2::/64"]);
  assert.equal(linkMac(3, 2, "host"), "02:30:02:01:00:03");
});

test("no two ends share an address, and each lies in its spine's prefix and in the lab's own", () => {
  const number = fc.integer({ min: 1, max: maxHosts });
  const spine = fc.integer({ min: 1, max: maxSpines });
  fc.assert(
    fc.property(number, number, spine, spine, (hostA, hostB, spineA, spineB) => {
      const a = linkAddresses(hostA, spineA);
      const b = linkAddresses(hostB, spineB);
      for (const version of [0, 1] as const) {
        const end = a.host[version];
        const other = a.spine[version];
        assert.notEqual(end.address, other.address);
        assert.equal(makeCidr(end.address, end.length), makeCidr(other.address, other.length));
        assert.ok(cidrContains(spinePrefixes(spineA)[version], end.address));
        assert.ok(ownPrefixes.some((prefix) => cidrContains(prefix, end.address)));
        assert.ok(ownPrefixes.some((prefix) => cidrContains(prefix, hostAddresses(hostA, true)[version].address)));
        assert.equal(end.address === b.host[version].address, hostA === hostB && spineA === spineB);
        assert.notEqual(end.address, spineAddresses(spineA)[version].address);
        assert.notEqual(other.address, spineAddresses(spineA)[version].address);
      }
    }),
  );
});
