import { diffTables, runTable } from "../../src/nft/index.ts";
import type { Resource } from "../../src/resources/index.ts";
import { type Case, judge } from "./comparison.ts";
import { compile, decodeAll } from "./compile.ts";
import type { Json } from "./random-labels.ts";
import type { RealHost } from "./real-host.ts";
import { Sender } from "./real-packets.ts";
import type { JudgedPacket } from "./rule-meaning.ts";
import { shrink } from "./shrink.ts";

/**
 * A mismatch in words: the smallest cluster that still has it, the packet, and what each of the three says. `hasPassed` is what
 * the kernel did where that was seen.
 */
export async function explain(made: Case, packet: JudgedPacket, host: RealHost, hasPassed?: boolean): Promise<string> {
  const sender = new Sender(host);
  const isWrongOnPaper = (objects: readonly Json[]) => {
    const resources = decodeAll(objects);
    return resources !== undefined && !agree(resources, packet, runTable(compile(resources), packet));
  };
  const isWrongInKernel = async (objects: readonly Json[]) => {
    const resources = decodeAll(objects);
    if (resources === undefined) return false;
    const present = await host.program(compile(resources));
    if (!agree(resources, packet, runTable(present, packet))) return true;
    const trial = await sender.tryOne(packet, resources);
    return trial !== undefined && trial.hasPassed !== (trial.expected.verdict === "accept");
  };
  const isPaper = isWrongOnPaper(made.objects);
  const isRepeatable = isPaper || (await isWrongInKernel(made.objects));
  const small = isPaper
    ? await shrink(made.objects, isWrongOnPaper)
    : isRepeatable
      ? await shrink(made.objects, isWrongInKernel, 300)
      : made.objects;
  const resources = decodeAll(small) ?? made.resources;
  const table = compile(resources);
  const present = await host.program(table);
  const [expected] = judge(resources, [packet]);
  const outcome = runTable(present, packet);
  const trial = await sender.tryOne(packet, resources);
  const words = (isAccepted: boolean | undefined) =>
    isAccepted === undefined ? "not sent (it needs others before it)" : isAccepted ? "accept" : "drop";
  return [
    `MISMATCH, seed ${made.seed}${isRepeatable ? "" : " (of one packet among others: not seen again alone)"}`,
    "resources:",
    ...small.map((object) => `  ${JSON.stringify(object)}`),
    `packet: ${JSON.stringify(packet)}`,
    `meaning: ${expected?.verdict}, because of ${expected?.reasons.join("; ")}; logged ${JSON.stringify(expected?.logged)}`,
    `table of the kernel: ${outcome.verdict}, matched ${JSON.stringify(outcome.matched)}; logged ${JSON.stringify(outcome.logged)}`,
    `kernel: ${words(trial?.hasPassed ?? hasPassed)}`,
    `the kernel ${diffTables(present, table).length === 0 ? "holds" : "does NOT hold"} the table it was given`,
  ].join("\n");
}

function agree(resources: readonly Resource[], packet: JudgedPacket, outcome: ReturnType<typeof runTable>): boolean {
  const [expected] = judge(resources, [packet]);
  return outcome.verdict === expected?.verdict && JSON.stringify(outcome.logged) === JSON.stringify(expected.logged);
}
