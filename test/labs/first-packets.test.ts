import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { FirstPacketsPlan, FirstPacketsReport } from "./first-packets.ts";
import { TestLab } from "./lab-harness.ts";
import { netnsOf } from "./lab-probes.ts";

const segment = `
fabric: { type: segment }
hosts:
  - name: a
    workloads: [{ name: w-a }]
  - name: b
    workloads: [{ name: w-b }]
`;

const rounds = Number(process.env["TORTIE_FIRST_ROUNDS"] ?? 8);
const program = fileURLToPath(new URL("first-packets.ts", import.meta.url));

test("the very first packet to and from a workload arrives, once it is told to be attached", {
  timeout: 60_000 + rounds * 10_000,
}, async () => {
  await using lab = await TestLab.start("first", segment);
  const witnesses = await Promise.all(
    ["w-a", "w-b"].map(async (name) => ({ netns: netnsOf(name), addresses: (await lab.workload(name)).addresses })),
  );
  const plan: FirstPacketsPlan = { hosts: ["a", "b"], witnesses, rounds, perHost: 4 };
  const report: FirstPacketsReport = JSON.parse(await lab.run("a", process.execPath, program, JSON.stringify(plan)));
  assert.deepEqual(report.lost, [], `of ${report.sent} datagrams`);
  assert.deepEqual(report.searches, []);
  assert.equal(report.sent, report.births * 8);
});
