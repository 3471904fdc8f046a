import assert from "node:assert/strict";
import { test } from "node:test";
import { type LogFields, silentLogger } from "../lib/index.ts";
import { RareLog } from "./rare-log.ts";

test("what comes over and over is said once a minute, with the number of times", () => {
  const lines: [string, LogFields | undefined][] = [];
  let nowMs = 0;
  const rare = new RareLog({ ...silentLogger, info: (text, fields) => lines.push([text, fields]) }, () => nowMs);
  for (; nowMs < 100_000; nowMs += 10_000) rare.info("knock", { from: nowMs });
  rare.info("ring", { from: nowMs });
  assert.deepEqual(lines, [
    ["knock", { from: 0 }],
    ["knock", { from: 60_000, more: 5 }],
    ["ring", { from: 100_000 }],
  ]);
});
