import assert from "node:assert/strict";
import { test } from "node:test";
import { type JudgedCase, findDisagreement, makeVariedCase } from "./comparison.ts";
import { compile } from "./compile.ts";
import { loadMutated } from "./mutated-compiler.ts";
import { seededBugs } from "./seeded-bugs.ts";

/** So many clusters must be enough to notice any of them. */
const maxCases = 1000;
const packetsPerCase = 120;

const cases: JudgedCase[] = [];

function caseAt(at: number): JudgedCase {
  const known = cases[at] ?? makeVariedCase(at, packetsPerCase);
  cases[at] = known;
  return known;
}

test("there are fifty seeded bugs and more, each of its own", () => {
  assert.ok(seededBugs.length >= 50);
  assert.equal(new Set(seededBugs.map(({ why }) => why)).size, seededBugs.length);
});

for (const bug of seededBugs) {
  test(`is noticed: ${bug.why}`, async (context) => {
    const compiler = await loadMutated(bug);
    for (let at = 0; at < maxCases; at++) {
      const { resources, packets, expected } = caseAt(at);
      if (findDisagreement(compile(resources, compiler), packets, expected) === undefined) continue;
      context.diagnostic(`by cluster ${at + 1}`);
      return;
    }
    assert.fail(`${maxCases} clusters with ${packetsPerCase} packets each agree, with this bug in src/${bug.file}`);
  });
}
