import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { generateSituation, generatedCount } from "./generated.ts";
import { handMade } from "./hand-made.ts";
import { Network } from "./network.ts";
import { play } from "./play.ts";

/** All of them: `npm run soak -- situations`. */
const isWhole = process.env["TORTIE_SITUATIONS"] === "all";
/** Else all that are made by hand, and as many of the generated ones, whose subjects take turns. */
const usualCount = 50;
const seeds = Array.from({ length: isWhole ? generatedCount : usualCount }, (_, at) => at);

const timeout = 120_000;
const started = performance.now();
let [situations, probes, open, wrong] = [0, 0, 0, 0];
let network: Network | undefined;

before(async () => {
  network = await Network.start();
});

after(async () => {
  await network?.[Symbol.asyncDispose]();
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${situations} situations, ${probes} probes (${open} got through), ${wrong} wrong in ${seconds} s`);
});

for (const situation of [...handMade, ...seeds.map(generateSituation)]) {
  test(situation.title, { timeout }, async () => {
    assert.ok(network !== undefined, "the network has started");
    const result = await play(situation, network);
    situations++;
    probes += result.probes;
    open += result.open;
    wrong += result.wrong.length;
    assert.deepEqual(result.wrong, []);
  });
}
