import { fileURLToPath } from "node:url";
import { askKeeper } from "./control.ts";
import { endLab, findLab, requireEntry } from "./find-labs.ts";
import { launchKeeper } from "./launch-keeper.ts";
import { readLabFile } from "./read-lab-file.ts";

export type LabUpOptions = {
  /** A lab file, or the name of an example. */
  readonly target: string;
  /** Namespaces, links and spines only: no server, no agents, no addresses for workloads. */
  readonly isBare?: boolean;
  /** The command that runs tortie, absolute; without it, bin/tortie of this installation. */
  readonly program?: readonly [string, ...string[]];
  /** Told of each step. */
  readonly print: (line: string) => void;
};

const tortie = fileURLToPath(new URL("../../bin/tortie", import.meta.url));

/**
 * Brings a lab to what its file says: starts it, or changes what differs when it runs. A lab that cannot be started
 * leaves nothing behind; a running one that cannot be changed stays, and can be asked again.
 */
export async function labUp(options: LabUpOptions): Promise<void> {
  const started = performance.now();
  const { lab, json } = readLabFile(options.target);
  const running = findLab(lab.name);
  const { entryPid } =
    running === undefined ? await launchKeeper(lab.name, options.program ?? [tortie]) : requireEntry(running);
  try {
    const order = { lab: json, isBare: options.isBare ?? false, elapsedMs: performance.now() - started };
    await askKeeper(entryPid, "/v1/apply", order, options.print);
  } catch (error) {
    const started = running === undefined ? findLab(lab.name) : undefined;
    if (started !== undefined) await endLab(started);
    throw error;
  }
  if (running === undefined) {
    const [host] = lab.hosts;
    options.print(`lab ${lab.name} is up; look around: tortie lab status, tortie lab exec ${host?.name} -- ip route`);
  }
}
