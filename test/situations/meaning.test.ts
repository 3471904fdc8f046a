import assert from "node:assert/strict";
import { test } from "node:test";
import { generateSituation } from "./generated.ts";
import { handMade } from "./hand-made.ts";
import { findDoubts } from "./play.ts";

for (const { title, steps } of handMade) {
  test(`as the interpreter has it: ${title}`, () => {
    for (const step of steps) assert.deepEqual(findDoubts(step), []);
  });
}

test("no two situations have one title", () => {
  const titles = handMade.map(({ title }) => title);
  assert.equal(new Set(titles).size, titles.length);
});

test("in generated situations neither everything nor nothing gets through", () => {
  const steps = Array.from({ length: 50 }, (_, seed) => generateSituation(seed)).flatMap(
    (situation) => situation.steps,
  );
  const shares = steps.map(({ expected: { probes, isOpen } }) => probes.filter(isOpen).length / probes.length);
  const telling = shares.filter((share) => share > 0 && share < 1);
  assert.ok(telling.length > steps.length * 0.9, `${telling.length} of ${steps.length} steps`);
});
