import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Cidr, cidrFromBytes, parseCidr } from "../lib/index.ts";
import { assembleTable } from "./assemble-table.ts";
import { networkOrder, nextHex, previousHex } from "./hex.ts";
import { mergeIntervals } from "./intervals.ts";
import { netElements, netSet } from "./sets.ts";

const interval = fc
  .tuple(fc.nat(255), fc.nat(255))
  .map(([a, b]) => ({ key: networkOrder(Math.min(a, b), 1), last: networkOrder(Math.max(a, b), 1) }));

test("merging keeps every value and no other", () => {
  fc.assert(
    fc.property(fc.array(interval), (intervals) => {
      const merged = mergeIntervals(intervals);
      for (let value = 0; value < 256; value++) {
        const hex = networkOrder(value, 1);
        const holds = ({ key, last }: { key: string; last: string }) => key <= hex && hex <= last;
        assert.equal(merged.filter(holds).length, intervals.some(holds) ? 1 : 0);
      }
    }),
  );
});

test("merged intervals are in order, with a value between any two", () => {
  fc.assert(
    fc.property(fc.array(interval), (intervals) => {
      const merged = mergeIntervals(intervals);
      for (const [i, { key }] of merged.entries()) {
        if (i > 0) assert((nextHex(merged[i - 1]!.last) ?? "zz") < key);
      }
      assert.deepEqual(mergeIntervals(merged), merged);
      assert.deepEqual(mergeIntervals(intervals.toReversed()), merged);
    }),
  );
});

const cidr = (text: string): Cidr => parseCidr(text) ?? assert.fail(text);

test("prefixes become intervals: nested ones vanish, neighbours join, whole families fit", () => {
  const cases: [string[], string[]][] = [
    [["10.0.0.0/24", "10.0.1.0/24"], ["0a000000-0a0001ff"]],
    [["10.0.0.0/8", "10.1.0.0/16", "10.255.255.255/32"], ["0a000000-0affffff"]],
    [["0.0.0.0/0", "255.255.255.255/32"], ["00000000-ffffffff"]],
    [["255.0.0.0/9", "255.128.0.0/9"], ["ff000000-ffffffff"]],
    [
      ["10.0.0.1/32", "10.0.0.3/32"],
      ["0a000001-0a000001", "0a000003-0a000003"],
    ],
    [["::/0"], [`${"0".repeat(32)}-${"f".repeat(32)}`]],
    [["2001:db8::/33", "2001:db8:8000::/33"], [`20010db8${"0".repeat(24)}-20010db8${"f".repeat(24)}`]],
    [[], []],
  ];
  for (const [cidrs, expected] of cases) {
    assert.deepEqual(
      netElements(cidrs.map(cidr)).map(({ key, last }) => `${key}-${last}`),
      expected,
    );
  }
});

test("a dumped interval set is what was put in, whatever the order of the dump", () => {
  const nets = fc.array(
    fc.tuple(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.nat(32)).map(([b, length]) => cidrFromBytes(b, length)),
  );
  fc.assert(
    fc.property(nets, fc.boolean(), (nets, isReversed) => {
      const { elements, ...set } = netSet("s", 4, nets);
      // nft opens a set that does not start at zero with an end there.
      const raw = [{ key: "00000000", isEnd: true }];
      for (const { key, last = "" } of elements) {
        raw.push({ key, isEnd: false });
        const end = nextHex(last);
        if (end !== undefined) raw.push({ key: end, isEnd: true });
      }
      const table = assembleTable("t", [
        { type: "elements", table: "t", set: "s", elements: isReversed ? raw.toReversed() : raw },
        { type: "set", table: "t", set, isAnonymous: false },
        { type: "table", table: "t", isDormant: false },
      ]);
      assert.deepEqual(table?.sets, [{ ...set, elements }]);
    }),
  );
});

test("there is nothing behind the last value or before zero", () => {
  assert.equal(nextHex("ffff"), undefined);
  assert.equal(nextHex("00ff"), "0100");
  assert.equal(previousHex("0000"), undefined);
  assert.equal(previousHex("0100"), "00ff");
});
