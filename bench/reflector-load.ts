import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { RunningDevice } from "./reflector-devices.ts";

/** One phase of the load, as bgp-load.c prints it. Seconds and kilobytes. */
export type Phase = {
  readonly phase: string;
  readonly isDone: boolean;
  readonly seconds: number;
  /** Until the last client that is never stuck was done. */
  readonly readers?: number;
  /** Processor time that the device used, and time that it could have but had no processor. */
  readonly cpu: number;
  readonly waited: number;
  /** Processor time of the load. */
  readonly ownCpu: number;
  readonly residentKb: number;
  readonly peakKb: number;
  readonly updates: number;
  readonly announced: number;
  readonly withdrawn: number;
  readonly bytes: number;
  readonly echoes: number;
  readonly undone: number;
  /** Of every single event of a phase that repeats one. */
  readonly samples: readonly number[];
};

export type LoadEnd = {
  readonly isDone: boolean;
  readonly lost: number;
  readonly lastWords: string;
  readonly undone: number;
  /** UPDATEs whose attributes were looked at, and those among them that were not as they should be. */
  readonly checked: number;
  readonly wrong: number;
  readonly kinds: Readonly<Record<string, number>>;
  readonly firstWrong: string;
};

export type LoadResult = { readonly phases: readonly Phase[]; readonly end: LoadEnd };

export type LoadOptions = {
  readonly clients: number;
  readonly prefixes: number;
  readonly family: 4 | 6;
  readonly length: number;
  /** This many clients stop reading in the phase `deaf`. */
  readonly stuck: number;
  readonly timeoutSeconds: number;
  readonly phases: readonly string[];
};

export type LoadPrograms = { readonly load: string; readonly relay: string };

/** Both programs of C, built into the folder. Throws when there is no compiler. */
export function buildLoad(folder: string): LoadPrograms {
  const source = (name: string) => join(import.meta.dirname, name);
  const build = (name: string, sources: readonly string[]) => {
    const path = join(folder, name);
    const args = ["-O2", "-std=gnu11", "-o", path, ...sources.map(source)];
    const done = spawnSync("cc", args, { encoding: "utf8" });
    if (done.error !== undefined) {
      throw new Error("this bench builds its load generator with `cc`, and there is none (Debian: gcc libc6-dev)");
    }
    if (done.status !== 0) throw new Error(`cc: ${done.stderr}`);
    return path;
  };
  const parts = ["bgp-load.c", "bgp-load-session.c", "bgp-load-table.c", "bgp-load-update.c"];
  return { load: build("bgp-load", parts), relay: build("relay", ["relay.c"]) };
}

/** Plays the phases against the device. Phases after one that was not finished are not played. */
export async function runLoad(program: string, device: RunningDevice, options: LoadOptions): Promise<LoadResult> {
  const { clients, prefixes, family, length, stuck, timeoutSeconds, phases } = options;
  const settings = { clients, prefixes, family, length, stuck, timeout: timeoutSeconds };
  const words = Object.entries({ ...settings, port: device.port, device: device.pid }).map(
    ([name, value]) => `${name}=${value}`,
  );
  const child = spawn(program, [...words, ...phases], { stdio: ["ignore", "pipe", "inherit"] });
  const lines: (Phase | (LoadEnd & { readonly phase: "end" }))[] = [];
  for await (const line of createInterface({ input: child.stdout })) lines.push(JSON.parse(line));
  const end = lines.find((line) => line.phase === "end");
  if (end === undefined || !("lost" in end)) throw new Error("the load ended before its time");
  return { phases: lines.filter((line) => line.phase !== "end") as Phase[], end };
}
