import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { tableName } from "../../src/dataplane/index.ts";
import { openNftSocket } from "../../src/kernel/index.ts";
import { type Table, diffTables } from "../../src/nft/index.ts";
import { BadHost, eventually, run } from "./bad-host.ts";

const timeout = 60_000;
const flushCount = 30;
const pauseMs = 100;

test("a table that somebody flushes ten times a second is whole each time it is there, and is there soon", {
  timeout,
}, async () => {
  await using host = await BadHost.start("a", "b", "closed");
  using reader = openNftSocket();
  const whole = await reader.dumpTable(tableName);
  assert.ok(whole !== undefined);
  const before = host.loop.figures();
  const seen = { whole: 0, gone: 0, half: 0 };
  for (let flush = 0; flush < flushCount; flush++) {
    const untilMs = performance.now() + pauseMs;
    run("nft flush ruleset");
    while (performance.now() < untilMs) {
      seen[judge(whole, await reader.dumpTable(tableName))]++;
      await sleep(5);
    }
    await eventually(
      async () => judge(whole, await reader.dumpTable(tableName)) === "whole",
      () => `not mended after flush ${flush}`,
    );
    if (flush % 10 === 9) assert.equal(await host.reach("a", "closed", 1), "closed");
  }
  assert.equal(seen.half, 0, JSON.stringify(seen));
  assert.ok(seen.whole > seen.gone, JSON.stringify(seen));
  const after = host.loop.figures();
  // Once for each flush; and once more where the flush fell into the reading.
  assert.ok(after.rounds - before.rounds <= 2 * flushCount + 5, `${after.rounds - before.rounds} rounds`);
  await host.untilWell();
  assert.equal(await host.reach("a", "b"), "open");
  assert.equal(await host.reach("a", "closed", 1), "closed");
  assert.ok(host.warnings().length <= 3, host.warnings().join("\n"));
});

function judge(whole: Table, present: Table | undefined): "whole" | "gone" | "half" {
  if (present === undefined) return "gone";
  return diffTables(present, whole).length === 0 ? "whole" : "half";
}
