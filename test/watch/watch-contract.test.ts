import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { hasEtcd, startEtcd } from "../etcd/start-etcd.ts";
import { checkWatchContract } from "./watch-contract.ts";

/** CI runs a hundredth; `npm run soak -- watch` runs it whole. */
const events = Number(process.env["TORTIE_WATCH_EVENTS"] ?? 10_000);
const reconnects = Number(process.env["TORTIE_WATCH_RECONNECTS"] ?? 10);
const kills = Number(process.env["TORTIE_WATCH_KILLS"] ?? 2);
const seed = Number(process.env["TORTIE_WATCH_SEED"] ?? Date.now() % 1_000_000);
const timeout = 60_000 + events * 4;

async function check(store: string, serverArgs: readonly string[], folder: string): Promise<void> {
  const options = { events, reconnects, kills, seed, socketPath: join(folder, "server.sock"), serverArgs };
  const report = await checkWatchContract(options);
  console.log(
    `watch contract over ${store}, seed ${seed}: ${report.writes} writes, ${report.received} events, ${report.reconnects} reconnects, ` +
      `${report.kills} kills, ${report.relists} relists in ${report.seconds.toFixed(1)} s; ` +
      `lost ${report.lost}, doubled ${report.doubled}, reordered ${report.reordered}`,
  );
  assert.deepEqual([report.lost, report.doubled, report.reordered], [0, 0, 0]);
  // Lists stand for some events; what is left is most of them.
  assert.ok(report.received > events / 2);
  assert.ok(report.reconnects >= reconnects);
}

test("a watch over SQLite tells every change once and in order, through reconnects and deaths of the server", {
  timeout,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "tortie-watch-"));
  try {
    await check("SQLite", ["--state", folder], folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a watch over etcd tells every change once and in order, through reconnects and deaths of the server", {
  timeout,
  skip: hasEtcd ? false : "etcd is not installed",
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "tortie-watch-"));
  try {
    await using etcd = await startEtcd();
    await check("etcd", ["--etcd", etcd.endpoint], folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
