import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Cidr, parseCidr } from "../lib/index.ts";
import { diffElements } from "./diff-elements.ts";
import { LivingNets } from "./living-nets.ts";
import { netSet } from "./sets.ts";
import type { NftSet } from "./table.ts";

const cidr = (text: string): Cidr => parseCidr(text) ?? assert.fail(text);

/** Close together, so that many of them touch or lie in each other. */
const net4 = fc
  .tuple(fc.constantFrom(0, 10, 255), fc.nat(15), fc.constantFrom(0, 1, 8, 28, 29, 30, 31, 32))
  .map(([first, last, length]) => masked4([first, 0, 0, first === 255 ? 240 + last : last], length));
const net6 = fc
  .tuple(fc.nat(15), fc.constantFrom(0, 1, 124, 125, 126, 127, 128))
  .map(([last, length]) =>
    cidr(length < 124 ? `::/${length}` : `fd00::${hex(last - (last % 2 ** (128 - length)))}/${length}`),
  );

const hex = (value: number) => value.toString(16);

function masked4(octets: readonly number[], length: number): Cidr {
  const value = octets.reduce((sum, octet) => sum * 256 + octet, 0);
  const size = 2 ** (32 - length);
  const first = Math.floor(value / size) * size;
  return cidr(`${[24, 16, 8, 0].map((bits) => Math.floor(first / 2 ** bits) % 256).join(".")}/${length}`);
}

function contents({ elements }: NftSet): string[] {
  return elements.map(({ key, last }) => `${key}-${last}`).sort();
}

/** As the kernel does it: what goes must be there, what comes must not. */
function apply(present: NftSet, wanted: NftSet): string[] {
  const kernel = new Set(contents(present));
  const { added, deleted } = diffElements(present, wanted);
  for (const { key, last } of deleted) assert.ok(kernel.delete(`${key}-${last}`));
  for (const { key, last } of added) {
    assert.ok(!kernel.has(`${key}-${last}`));
    kernel.add(`${key}-${last}`);
  }
  return [...kernel].sort();
}

for (const [version, net] of [
  [4, net4],
  [6, net6],
] as const) {
  const step = fc.oneof(
    { weight: 4, arbitrary: net.map((one) => ({ type: "put" as const, nets: [one] })) },
    { weight: 3, arbitrary: net.map((one) => ({ type: "delete" as const, nets: [one] })) },
    {
      weight: 1,
      arbitrary: fc.array(net, { minLength: 15, maxLength: 40 }).map((nets) => ({ type: "put" as const, nets })),
    },
    {
      weight: 1,
      arbitrary: fc.array(net, { minLength: 15, maxLength: 40 }).map((nets) => ({ type: "delete" as const, nets })),
    },
    { weight: 4, arbitrary: fc.constant({ type: "version" as const }) },
  );

  test(`IPv${version}: whatever came and went before, the elements are those of the present prefixes`, () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
        const living = new LivingNets("nets", version);
        const present = new Set<Cidr>();
        let told = living.version();
        for (const one of [...steps, { type: "version" as const }]) {
          if (one.type === "version") {
            const next = living.version();
            const expected = contents(netSet("nets", version, present));
            assert.deepEqual(contents(next), expected);
            assert.deepEqual(apply(told, next), expected);
            told = next;
          } else {
            for (const net of one.nets) {
              if (one.type === "put") {
                living.put(net);
                present.add(net);
              } else {
                living.delete(net);
                present.delete(net);
              }
            }
          }
        }
        assert.equal(living.version(), told);
      }),
      { numRuns: 300 },
    );
  });
}

test("one prefix more or less in a big set is one element more or less", () => {
  const living = new LivingNets("nets", 4);
  for (let at = 0; at < 200; at++) living.put(cidr(`10.0.${at}.0/30`));
  const before = living.version();
  living.put(cidr("10.1.0.0/24"));
  const after = living.version();
  const element = { key: "0a010000", last: "0a0100ff" };
  assert.deepEqual(diffElements(before, after), { added: [element], deleted: [] });
  living.delete(cidr("10.1.0.0/24"));
  assert.deepEqual(diffElements(after, living.version()), { added: [], deleted: [element] });
});
