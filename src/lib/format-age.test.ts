import assert from "node:assert/strict";
import { test } from "node:test";
import { formatAge } from "./format-age.ts";

test("an age is told in the units that matter", () => {
  const cases: [ms: number, text: string][] = [
    [-5, "0s"],
    [999, "0s"],
    [119_000, "119s"],
    [120_000, "2m0s"],
    [599_000, "9m59s"],
    [3_600_000, "60m"],
    [3 * 3_600_000, "3h0m"],
    [50 * 3_600_000, "2d"],
  ];
  for (const [ms, text] of cases) assert.equal(formatAge(ms), text);
});
