// Feeds the speaker bent messages without end. usage: node test/bgp-fuzz/main.ts [--count N] [--seed N] [--per-speaker N]
// or: --seed N --replay 'ACTIONS', as a failure prints it.
import { parseArgs } from "node:util";
import { type CampaignResult, runCampaign } from "./campaign.ts";
import { parseActions, replay } from "./replay.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(Date.now() % 1_000_000_000) },
    count: { type: "string", default: "1000000" },
    "per-speaker": { type: "string", default: "250000" },
    replay: { type: "string" },
  },
});
const seed = Number(values.seed);

function print({ tally, ...result }: CampaignResult): void {
  const { outcomes } = tally;
  console.log(
    `messages: ${tally.messages}, ${tally.mutated} of them bent; sessions: ${tally.sessions}, steps: ${result.steps}`,
  );
  console.log(
    `outcomes in Established: ${Object.entries(outcomes)
      .map(([name, n]) => `${name} ${n}`)
      .join(", ")}`,
  );
  const words = [...tally.notifications].sort(([, a], [, b]) => b - a);
  console.log(`sessions ended by: ${words.map(([name, n]) => `${name} ${n}`).join(", ")}`);
  console.log(
    `rate: ${Math.round(result.messagesPerCpuSecond)} messages/s of CPU time, ${Math.round(tally.messages / result.seconds)}/s on the clock`,
  );
  console.log(
    `steps over 50 ms of CPU: ${result.stalls.length} (${result.excused.byCollector} more with garbage collection, ${result.excused.byOthers} more that waited for the processor); longest ${result.longestStepMs.toFixed(1)} ms`,
  );
  for (const { cpuMs, wallMs, collectorMs, seed: of } of result.stalls) {
    console.log(
      `  ${cpuMs.toFixed(1)} ms of CPU, ${wallMs.toFixed(1)} ms, collector ${collectorMs.toFixed(1)} ms, seed ${of}`,
    );
  }
  const { samples, bytesPerMillion, isGrowing } = result.memory;
  const megabytes = (bytes = 0) => (bytes / 1e6).toFixed(1);
  console.log(
    `memory: heap ${megabytes(samples[0]?.heapBytes)} -> ${megabytes(samples.at(-1)?.heapBytes)} MB, ` +
      `rss ${megabytes(samples[0]?.rssBytes)} -> ${megabytes(samples.at(-1)?.rssBytes)} MB, ` +
      `trend ${Math.round(bytesPerMillion)} octets a million messages${isGrowing ? ": GROWING" : ""}`,
  );
  if (result.failure === undefined) {
    console.log("uncaught exceptions: 0, healthy peers harmed: 0");
    return;
  }
  const { fault, detail, input, seed: of } = result.failure;
  console.log(`FAILED with seed ${of}: ${fault}\n${detail}`);
  console.log(`repeat: node test/bgp-fuzz/main.ts --seed ${of} --replay '${input}'`);
}

if (values.replay === undefined) {
  console.log(`seed ${seed}`);
  const result = await runCampaign({
    seed,
    count: Number(values.count),
    perSpeaker: Number(values["per-speaker"]),
    perCheck: 25_000,
    report: (line) => console.log(line),
  });
  print(result);
  const isGood = result.failure === undefined && result.stalls.length === 0 && !result.memory.isGrowing;
  process.exitCode = isGood ? 0 : 1;
} else {
  const error = replay(seed, parseActions(values.replay));
  console.log(error === undefined ? "nothing went wrong" : error);
  process.exitCode = error === undefined ? 0 : 1;
}
