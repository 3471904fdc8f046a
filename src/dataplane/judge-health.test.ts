import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeHealth } from "./judge-health.ts";

type Facts = Parameters<typeof judgeHealth>[0];

const well: Facts = { source: "server", isServerThere: true, busyMs: 0, hasProgrammed: true, failures: [] };

test("an agent is ready when it knows the cluster by the server and the kernel has what is wanted", () => {
  assert.deepEqual(judgeHealth(well), { isLive: true, isReady: true, reasons: [] });
  const table: readonly (readonly [Partial<Facts>, reason: RegExp])[] = [
    [{ isServerThere: false }, /the server is away/],
    [{ source: "snapshot", isServerThere: false }, /the server is away/],
    [{ source: "none", isServerThere: false }, /^nothing is known of the cluster yet$/],
    [{ hasProgrammed: false }, /not been programmed/],
  ];
  for (const [change, reason] of table) {
    const { isLive, isReady, reasons } = judgeHealth({ ...well, ...change });
    assert.deepEqual([isLive, isReady], [true, false], String(reason));
    assert.match(reasons.join("\n"), reason);
  }
});

test("an agent is alive until one round takes longer than 90 seconds", () => {
  assert.deepEqual(judgeHealth({ ...well, busyMs: 90_000 }), judgeHealth(well));
  const { isLive, isReady, reasons } = judgeHealth({ ...well, busyMs: 90_600 });
  assert.deepEqual([isLive, isReady], [false, false]);
  assert.deepEqual(reasons, ["programming the kernel has taken 91 s"]);
});

test("an agent that could not program everything works, and says what it lacks", () => {
  const failures = ["a link is missing"];
  assert.deepEqual(judgeHealth({ ...well, failures }), { isLive: true, isReady: true, reasons: failures });
});
