// Compares for many random clusters what the meaning of the resources says about packets, what the table does that the kernel
// gives back, and what becomes of real packets. The agent goes from one cluster to the next without a restart. One line of JSON at the end; a mismatch is told in words and ends it.
// usage: node equivalence-worker.ts FIRST_SEED CLUSTERS PACKETS_EACH REAL_CLUSTERS REAL_PACKETS_EACH
import { diffTables } from "../../src/nft/index.ts";
import { Agent, compile } from "./compile.ts";
import { findDisagreement, judge, makeCase } from "./comparison.ts";
import { explain } from "./explain.ts";
import { RealHost } from "./real-host.ts";
import { Sender } from "./real-packets.ts";

export type WorkerReport = {
  readonly clusters: number;
  readonly pairs: number;
  readonly accepted: number;
  readonly real: number;
  readonly realAccepted: number;
  readonly seconds: number;
};

async function run(): Promise<void> {
  const [firstSeed = 0, clusters = 0, packetsEach = 0, realClusters = 0, realEach = 0] = process.argv
    .slice(2)
    .map(Number);
  await using host = new RealHost();
  const sender = new Sender(host);
  const agent = new Agent();
  const started = performance.now();
  let [pairs, accepted, real, realAccepted] = [0, 0, 0, 0];
  for (let at = 0; at < clusters; at++) {
    const made = makeCase(firstSeed + at, packetsEach);
    const wanted = agent.follow(made.resources);
    const detours = diffTables(wanted, compile(made.resources));
    if (detours.length > 0) {
      const changes = JSON.stringify(detours).slice(0, 2000);
      fail(`seed ${made.seed}: an agent that came from seed ${made.seed - 1} and a new one differ by ${changes}`);
      return;
    }
    const present = await host.program(wanted);
    const differences = diffTables(present, wanted);
    if (differences.length > 0) {
      fail(
        `seed ${made.seed}: the kernel does not hold what it was given: ${JSON.stringify(differences).slice(0, 2000)}`,
      );
      return;
    }
    const expected = judge(made.resources, made.packets);
    const disagreement = findDisagreement(present, made.packets, expected);
    if (disagreement !== undefined) {
      fail(await explain(made, disagreement.packet, host));
      return;
    }
    pairs += expected.length;
    accepted += expected.filter(({ verdict }) => verdict === "accept").length;
    if (at >= realClusters) continue;
    const trials = await sender.tryPackets(made.seed, made.resources, realEach);
    const wrong = trials.find(({ hasPassed, expected }) => hasPassed !== (expected.verdict === "accept"));
    if (wrong !== undefined) {
      fail(await explain(made, wrong.packet, host, wrong.hasPassed));
      return;
    }
    real += trials.length;
    realAccepted += trials.filter(({ hasPassed }) => hasPassed).length;
  }
  const seconds = (performance.now() - started) / 1000;
  const report: WorkerReport = { clusters, pairs, accepted, real, realAccepted, seconds };
  console.log(JSON.stringify(report));
}

function fail(words: string): void {
  console.error(words);
  process.exitCode = 1;
}

await run();
