// npm run bench -- NAME [--json]: ours beside the peer or the floor, in turns, in one run. Figures that count go into results.md.
import { spawnSync } from "node:child_process";
import { formatTable } from "../src/lib/index.ts";
import type { Bench, Row } from "./bench.ts";
import { dataplaneBench } from "./dataplane.ts";
import { hostBench } from "./host.ts";
import { kernelBench } from "./kernel.ts";
import { labelsBench } from "./labels.ts";
import { reflectorBench } from "./reflector.ts";
import { storeBench } from "./store.ts";

const benches: Readonly<Record<string, Bench>> = {
  dataplane: dataplaneBench,
  host: hostBench,
  kernel: kernelBench,
  labels: labelsBench,
  reflector: reflectorBench,
  store: storeBench,
};

const inNamespace = "TORTIE_BENCH_IN_NAMESPACE";
const name = process.argv.slice(2).find((arg) => !arg.startsWith("--")) ?? "";
const isJson = process.argv.includes("--json");
const bench = benches[name];

function formatRow(row: Row): string[] {
  const beside = (other: Row["peer"]) =>
    other === undefined ? ["", "", ""] : [other.name, other.value.toFixed(2), (other.value / row.ours).toFixed(2)];
  return [row.what, `${row.ours.toFixed(2)} ${row.unit}`, ...beside(row.peer), ...beside(row.floor), row.target];
}

if (bench === undefined) {
  console.error("usage: npm run bench -- NAME [--json]");
  for (const [known, { about }] of Object.entries(benches)) console.error(`  ${known}: ${about}`);
  process.exitCode = 2;
} else if (bench.needsNamespace && process.env[inNamespace] === undefined) {
  const namespaces = [
    "--user",
    "--map-root-user",
    "--net",
    "--mount",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
  ];
  const { flags, env: more } = bench.start ?? { flags: [], env: {} };
  const env = { ...process.env, ...more, [inNamespace]: "1", PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` };
  const run = spawnSync("unshare", [...namespaces, process.execPath, ...flags, ...process.argv.slice(1)], {
    stdio: "inherit",
    env,
  });
  process.exitCode = run.status ?? 1;
} else {
  const rows: Row[] = [];
  const report = (row: Row) => {
    rows.push(row);
    if (isJson) console.log(JSON.stringify(row));
  };
  const args = process.argv.slice(process.argv.indexOf(name) + 1);
  await bench.run(report, { args, isJson });
  const headings = ["WHAT", "OURS", "PEER", "", "PEER/OURS", "FLOOR", "", "FLOOR/OURS", "TARGET"];
  if (!isJson && rows.length > 0) console.log(formatTable(headings, rows.map(formatRow)));
}
