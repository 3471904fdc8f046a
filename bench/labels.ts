import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { LabelIndex, type Labels } from "../src/calc/label-index.ts";
import { seededRandom } from "../src/lib/index.ts";
import { evaluateSelector, parseSelector } from "../src/selector/index.ts";
import { type Bench, median, timed } from "./bench.ts";

const itemCount = 500_000;
const selectorCount = 2_000;
const changes = 2_000;
const newSelectors = 100;

/** The label index of calc/ with as many objects as a cluster may have; the floor asks every selector, or every object. */
export const labelsBench: Bench = {
  about: `which of ${itemCount.toLocaleString("en")} labelled objects match which of ${selectorCount.toLocaleString("en")} selectors`,
  needsNamespace: false,
  async run(report) {
    const random = seededRandom(7);
    const pick = (count: number) => Math.floor(random() * count);
    const labelsOf = (app: number): Labels => ({ app: `app-${app}`, tier: `tier-${app % 5}`, env: `env-${pick(3)}` });
    let pairs = 0;
    const index = new LabelIndex({ onMatch: () => void (pairs += 1), onUnmatch: () => void (pairs -= 1) });
    const selectors = Array.from({ length: selectorCount }, (_, at) => parse(`app == 'app-${at}' && env != 'env-1'`));
    for (let at = 0; at < 50; at++) index.setParent(`namespace-${at}`, { "pcns.team": `team-${at % 10}` });
    for (const [at, selector] of selectors.entries()) index.addSelector(`s${at}`, selector);
    const items = Array.from({ length: itemCount }, () => labelsOf(pick(selectorCount)));
    const heapBefore = usedBytes();
    const filled = await timed(async () => {
      for (const [at, labels] of items.entries()) index.setItem(`i${at}`, labels, [`namespace-${at % 50}`]);
    });
    report({ what: "all objects, from nothing", unit: "ms", ours: filled, target: "" });
    report({ what: "memory an object", unit: "bytes", ours: (usedBytes() - heapBefore) / itemCount, target: "" });

    const changed = await each(changes, () => {
      const at = pick(itemCount);
      index.setItem(`i${at}`, labelsOf(pick(selectorCount)), [`namespace-${at % 50}`]);
    });
    const asked = await each(20, () => {
      const labels = labelsOf(pick(selectorCount));
      for (const selector of selectors) evaluateSelector(selector, labels);
    });
    report({
      what: "one object's labels change",
      unit: "us",
      ours: changed,
      floor: floor("every selector", asked),
      target: "",
    });

    const added = await each(newSelectors, (at) => index.addSelector(`n${at}`, parse(`app in {'app-${at}', 'app-x'}`)));
    const scanned = await each(5, (at) => {
      const selector = parse(`app in {'app-${at}', 'app-x'}`);
      for (const labels of items) evaluateSelector(selector, labels);
    });
    report({ what: "one new selector", unit: "us", ours: added, floor: floor("every object", scanned), target: "" });
    report({ what: "matching pairs in the end", unit: "pairs", ours: pairs, target: "" });
  },
};

function floor(name: string, value: number) {
  return { name, value };
}

function parse(text: string) {
  const parsed = parseSelector(text);
  if (!parsed.ok) throw new Error(text);
  return parsed.value;
}

/** The median in microseconds. */
async function each(count: number, work: (at: number) => void): Promise<number> {
  const times: number[] = [];
  for (let at = 0; at < count; at++) times.push((await timed(async () => work(at))) * 1_000);
  return median(times);
}

/** Live bytes of the heap. */
function usedBytes(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  return process.memoryUsage().heapUsed;
}
