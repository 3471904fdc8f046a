import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { addressFromBytes } from "./address.ts";
import {
  type Cidr,
  cidrAddress,
  cidrContains,
  cidrLength,
  cidrsOverlap,
  compareCidrs,
  isHostCidr,
  makeCidr,
  parseCidr,
} from "./cidr.ts";

test("prefixes are read under the rules that the field asks for", () => {
  const cases: [text: string, rules: { bare?: boolean; hostBits?: boolean }, canonical: string | undefined][] = [
    ["10.65.0.0/26", {}, "10.65.0.0/26"],
    ["10.65.0.1/26", {}, undefined],
    ["10.65.0.1/26", { hostBits: true }, "10.65.0.0/26"],
    ["10.65.0.1", {}, undefined],
    ["10.65.0.1", { bare: true }, "10.65.0.1/32"],
    ["fd00:65::7a/122", { hostBits: true }, "fd00:65::40/122"],
    ["fd00:65::1", { bare: true }, "fd00:65::1/128"],
    ["0.0.0.0/0", {}, "0.0.0.0/0"],
    ["::/0", {}, "::/0"],
    ["10.0.0.0/33", {}, undefined],
    ["10.0.0.0/08", {}, undefined],
    ["10.0.0.0/", {}, undefined],
    ["::/129", {}, undefined],
    ["::ffff:10.0.0.0/104", {}, "10.0.0.0/8"],
    ["::ffff:10.0.0.0/90", {}, undefined],
  ];
  for (const [text, rules, canonical] of cases) assert.equal(parseCidr(text, rules), canonical, text);
});

const anyCidr = fc
  .oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
  .chain((bytes) =>
    fc.integer({ min: 0, max: bytes.length * 8 }).map((length) => makeCidr(addressFromBytes(bytes), length)),
  );

test("a canonical prefix parses to itself and contains itself, its halves and no sibling", () => {
  fc.assert(
    fc.property(anyCidr, (cidr) => {
      assert.equal(parseCidr(cidr), cidr);
      assert.ok(cidrContains(cidr, cidr));
      assert.ok(cidrContains(cidr, cidrAddress(cidr)));
      if (isHostCidr(cidr)) return;
      const half = makeCidr(cidrAddress(cidr), cidrLength(cidr) + 1);
      assert.ok(cidrContains(cidr, half));
      assert.ok(!cidrContains(half, cidr));
      assert.ok(cidrsOverlap(half, cidr));
    }),
  );
});

test("prefixes of the two versions never contain each other", () => {
  assert.ok(!cidrContains("0.0.0.0/0" as Cidr, "::/0" as Cidr));
  assert.ok(!cidrContains("::/0" as Cidr, "10.0.0.0/8" as Cidr));
});

test("prefixes order by address, then shorter first", () => {
  const cidrs = ["10.0.0.0/16", "10.0.0.0/8", "::/0", "9.0.0.0/8"] as Cidr[];
  assert.deepEqual(cidrs.toSorted(compareCidrs), ["9.0.0.0/8", "10.0.0.0/8", "10.0.0.0/16", "::/0"]);
});
