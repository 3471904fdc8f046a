import assert from "node:assert/strict";
import { test } from "node:test";
import { runCampaign } from "./campaign.ts";

const count = Number(process.env["TORTIE_FUZZ_MESSAGES"] ?? 1_000_000);
const seed = Number(process.env["TORTIE_FUZZ_SEED"] ?? 1);

test(`${count} messages, valid and bent, harm no healthy peer, stall no step and grow no memory`, async (t) => {
  const result = await runCampaign({
    seed,
    count,
    perSpeaker: 250_000,
    perCheck: 25_000,
    report: (line) => t.diagnostic(line),
  });
  const { failure } = result;
  const repeat = `repeat: node test/bgp-fuzz/main.ts --seed ${failure?.seed} --replay '${failure?.input}'`;
  assert.equal(failure?.detail, undefined, repeat);
  assert.deepEqual(result.stalls, []);
  assert.equal(result.memory.isGrowing, false, JSON.stringify(result.memory));
});
