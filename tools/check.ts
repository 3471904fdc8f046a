// What a change must pass before it is committed; the same here, in CI and before a review.
import { spawnSync } from "node:child_process";
import { dirname } from "node:path";

const steps: readonly (readonly [name: string, ...command: string[]])[] = [
  ["format", "biome", "format", "."],
  ["lint", "oxlint", "--deny-warnings"],
  ["types", "tsc", "-p", "."],
  ["unused", "knip", "--no-progress"],
  ["tidy", "node", "tools/tidy.ts"],
  ["unit tests", "node", "tools/test.ts", "unit"],
];

const environment = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}` };
let failed = 0;
let closing = "";
for (const [name, command, ...args] of steps) {
  const started = performance.now();
  const run = spawnSync(command as string, args, { env: environment, encoding: "utf8", maxBuffer: 1 << 28 });
  const isGood = run.status === 0;
  if (!isGood) {
    failed += 1;
    console.log(`${run.stdout ?? ""}${run.stderr ?? ""}${run.error?.message ?? ""}`);
  }
  if (name === "unit tests") closing = (run.stdout ?? "").trimEnd().split("\n").at(-1) ?? "";
  console.log(`${isGood ? "ok  " : "FAIL"} ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
}
console.log(closing);
process.exitCode = failed > 0 ? 1 : 0;
