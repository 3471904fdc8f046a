import assert from "node:assert/strict";
import { test } from "node:test";
import { deviceNames } from "./reflector-devices.ts";
import { caseName, makePlan, turnsOf } from "./reflector-plan.ts";

test("ours and the fast ones are run in every round, in turns; those that take minutes once", () => {
  const plan = makePlan({ mode: "usual", sizes: ["1000x100/32"] });
  const [one] = plan.cases;
  assert.ok(one !== undefined && plan.rounds === 5);
  const turns = turnsOf(plan, one, deviceNames);
  const counts = new Map<string, number>();
  for (const { scene, device } of turns) counts.set(`${scene} ${device}`, (counts.get(`${scene} ${device}`) ?? 0) + 1);
  assert.deepEqual(Object.fromEntries(counts), {
    "events tortie": 5,
    "events relay-node": 5,
    "events relay": 5,
    "events frr0": 5,
    "feed frr": 5,
    "feed bird": 1,
    "stuck tortie": 5,
    "listening tortie": 5,
  });
  assert.deepEqual(
    turns.map(({ round }) => round),
    turns.map(({ round }) => round).toSorted((a, b) => a - b),
  );
});

test("a size that is not among ours is run in both families, unless its prefixes have a length", () => {
  const names = (text: string) => makePlan({ mode: "usual", sizes: [text] }).cases.map(caseName);
  assert.deepEqual(names("3x4"), ["3x4/32", "3x4/128"]);
  assert.deepEqual(names("3x4/24"), ["3x4/24"]);
  assert.deepEqual(names("1000x2"), ["1000x2/26", "1000x2/122"]);
  assert.throws(() => names("3by4"));
});
