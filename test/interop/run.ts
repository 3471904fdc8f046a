// Tries our speaker with BIRD, FRR, GoBGP and ExaBGP, feature by feature, in network namespaces of its own.
// usage: npm run interop [-- --only bird|frr|gobgp|exabgp] [--feature NAME] [--core] [--jobs N] [--json] [--logs]
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { features } from "./features.ts";
import { describeFailure, formatReference, formatResults } from "./report.ts";
import { type RouterName, routerNames } from "./routers/index.ts";
import { type Result, readVersions, runAll } from "./run-all.ts";
import { endWithOutside, isInside, isMappedRoot, isRoot, runInside } from "./sandbox.ts";

const referencePath = "docs/reference/interop.md";

function readOptions(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string", multiple: true },
      feature: { type: "string", multiple: true },
      /** Only what every run of the tests tries. */
      core: { type: "boolean", default: false },
      jobs: { type: "string", default: "6" },
      json: { type: "boolean", default: false },
      /** Print what the processes of a failed scenario wrote. */
      logs: { type: "boolean", default: false },
      inside: { type: "boolean", default: false },
      mapped: { type: "boolean", default: false },
    },
  });
  const routers = routerNames.filter((name) => values.only === undefined || values.only.includes(name));
  const chosen = features.filter(
    ({ name, isCore }) =>
      (values.feature === undefined || values.feature.includes(name)) && (isCore === true || !values.core),
  );
  const jobs = Number(values.jobs);
  if (routers.length === 0) throw new Error(`--only takes ${routerNames.join(", ")}`);
  if (chosen.length === 0) throw new Error(`--feature takes ${features.map(({ name }) => name).join(", ")}`);
  if (!Number.isInteger(jobs) || jobs < 1) throw new Error("--jobs takes a number of 1 or more");
  return { ...values, routers, chosen, jobs };
}

async function runInterop(args: readonly string[]): Promise<number> {
  const { routers, chosen, jobs, json, logs } = readOptions(args);
  endWithOutside();
  const versions = await readVersions();
  const absent = new Map<RouterName, string>();
  for (const router of routers) {
    if (!versions.has(router)) absent.set(router, "it is not installed; type: npm run interop as root once");
    else if (router === "frr" && isMappedRoot(args)) absent.set(router, "FRR changes its user, which needs real root");
  }
  const started = performance.now();
  const onResults = (results: readonly Result[], text: string) => {
    if (json) return;
    const [first] = results;
    const words = [...new Set(results.map(({ outcome }) => outcome))].join(", ");
    console.log(`${first?.feature} ${first?.router}: ${words} (${first?.seconds.toFixed(1)} s)`);
    for (const result of results) if (result.outcome === "FAILED") console.log(describeFailure(result));
    if (logs && text !== "") console.log(text);
  };
  const results = await runAll({ features: chosen, routers, absent, jobs, onResults });
  const failed = results.filter(({ outcome }) => outcome === "FAILED").length;
  if (json) console.log(JSON.stringify({ versions: Object.fromEntries(versions), results }, undefined, 2));
  else {
    console.log(`\n${formatResults(chosen, routers, versions, results)}`);
    for (const router of absent.keys()) console.log(`${router}: not run: ${absent.get(router)}`);
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    console.log(`${results.filter(({ outcome }) => outcome === "ok").length} ok, ${failed} failed in ${seconds} s`);
  }
  if (chosen.length === features.length && routers.length === routerNames.length && absent.size === 0) {
    mkdirSync("docs/reference", { recursive: true });
    writeFileSync(referencePath, formatReference(features, versions, results));
  }
  return failed > 0 ? 1 : 0;
}

const args = process.argv.slice(2);
try {
  readOptions(args);
} catch (error) {
  console.error(`interop: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(2);
}
if (!isInside(args) && !isRoot()) console.error("interop: FRR needs real root and is left out");
process.exit(isInside(args) ? await runInterop(args) : await runInside(fileURLToPath(import.meta.url), args));
