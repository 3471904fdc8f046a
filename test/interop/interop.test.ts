import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { features } from "./features.ts";
import { routerNames } from "./routers/index.ts";
import type { Result } from "./run-all.ts";

const script = fileURLToPath(new URL("run.ts", import.meta.url));

/** All in one run: scenarios wait for timers of others most of their time, and do so side by side. */
async function runCore(): Promise<Result[]> {
  const child = spawn(process.execPath, [script, "--core", "--json"], { stdio: ["ignore", "pipe", "inherit"] });
  return JSON.parse(await text(child.stdout)).results;
}

const results = runCore();

for (const { name, title, unsupported } of features.filter(({ isCore }) => isCore)) {
  for (const router of routerNames.filter((router) => unsupported?.[router] === undefined)) {
    test(`${title}: our speaker and ${router} understand each other`, { timeout: 600_000 }, async (t) => {
      const own = (await results).filter((result) => result.feature === name && result.router === router);
      assert.notEqual(own.length, 0);
      const absent = own.find(({ outcome }) => outcome === "not run");
      if (absent !== undefined) t.skip(absent.detail);
      else
        assert.deepEqual(
          own.filter(({ outcome }) => outcome === "FAILED"),
          [],
        );
    });
  }
}
