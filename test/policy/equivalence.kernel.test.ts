import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { WorkerReport } from "./equivalence-worker.ts";

/** For each of two processes. A real packet that gets through is followed by an answer or an error, which count too. */
type Extent = {
  readonly clusters: number;
  readonly packets: number;
  readonly realClusters: number;
  readonly realPackets: number;
};

const everyTime: Extent = { clusters: 60, packets: 250, realClusters: 12, realPackets: 60 };
/** A million pairs and ten thousand real packets: `npm run test:policy-equivalence`. */
const whole: Extent = { clusters: 1250, packets: 400, realClusters: 60, realPackets: 100 };

const extent = process.env["POLICY_EQUIVALENCE"] === "whole" ? whole : everyTime;
const deadlineMs = extent === whole ? 1_800_000 : 300_000;

function startWorker(firstSeed: number): Promise<WorkerReport> {
  const { promise, resolve, reject } = Promise.withResolvers<WorkerReport>();
  const { clusters, packets, realClusters, realPackets } = extent;
  const numbers = [firstSeed, clusters, packets, realClusters, realPackets].map(String);
  const path = fileURLToPath(new URL("equivalence-worker.ts", import.meta.url));
  const child = spawn(process.execPath, [path, ...numbers], { stdio: ["ignore", "pipe", "pipe"], timeout: deadlineMs });
  let [output, complaint] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (complaint += chunk.toString()));
  child.on("error", reject);
  child.on("close", (status) => {
    if (status === 0) resolve(JSON.parse(output));
    else reject(new Error(`from seed ${firstSeed} on, status ${status}:\n${complaint}`));
  });
  return promise;
}

test("what policies mean, what the table in the kernel does and what becomes of real packets is the same", async (context) => {
  const started = performance.now();
  const reports = await Promise.all([0, 1].map((half) => startWorker(half * extent.clusters)));
  const sum = (part: (report: WorkerReport) => number) => reports.reduce((total, report) => total + part(report), 0);
  const [pairs, accepted] = [sum((report) => report.pairs), sum((report) => report.accepted)];
  const [real, realAccepted] = [sum((report) => report.real), sum((report) => report.realAccepted)];
  const seconds = (performance.now() - started) / 1000;
  context.diagnostic(
    `${pairs} pairs of a cluster and a packet, ${real} real packets in ${sum(({ clusters }) => clusters)} clusters: 0 mismatches ` +
      `in ${seconds.toFixed(1)} s, ${Math.round(pairs / seconds)} pairs a second`,
  );
  // Neither everything nor nothing gets through, or this would prove little.
  assert.ok(accepted > pairs / 5 && accepted < (pairs * 4) / 5, `${accepted} of ${pairs} pairs were accepted`);
  assert.ok(realAccepted > real / 5 && realAccepted < (real * 4) / 5, `${realAccepted} of ${real} packets got through`);
  assert.equal(pairs, 2 * extent.clusters * extent.packets);
  assert.ok(real >= extent.realClusters * extent.realPackets, `${real} real packets`);
});
