import { closeSync, writeSync } from "node:fs";
import { type Logger, type Random, TortieError, isJsonObject } from "../lib/index.ts";
import { type ControlRequest, serveControl } from "./control.ts";
import { LabBuilder } from "./lab-builder.ts";
import { formatStatus } from "./lab-status.ts";
import { readyFd } from "./launch-keeper.ts";

export type RunKeeperOptions = {
  readonly name: string;
  /** The command that runs tortie, absolute. */
  readonly program: readonly [string, ...string[]];
  readonly log: Logger;
  readonly random: Random;
  readonly signal: AbortSignal;
};

const unaskedMs = 10_000;

/**
 * The process that holds a lab: builds it, changes it, tells of it and restarts what dies in it. Runs inside the lab's
 * namespaces (see launch-keeper.ts) until the signal aborts or until its first task fails.
 */
export async function runKeeper(options: RunKeeperOptions): Promise<void> {
  const { log } = options;
  const ended = Promise.withResolvers<void>();
  options.signal.addEventListener("abort", () => ended.resolve(), { once: true });
  await using builder = new LabBuilder(options);
  let isBusy = false;
  // Whoever started it may have been interrupted before it could say what for.
  const unasked = setTimeout(() => ended.resolve(), unaskedMs);
  using _timer = { [Symbol.dispose]: () => clearTimeout(unasked) };
  const apply = async (body: unknown, report: (text: string) => void, signal: AbortSignal) => {
    if (isBusy)
      throw new TortieError("TT_LAB", "the lab is being changed by somebody else", { hint: "try again later" });
    isBusy = true;
    clearTimeout(unasked);
    try {
      const { lab, isBare, elapsedMs } = isJsonObject(body) ? body : {};
      await builder.apply({ json: lab, isBare: isBare === true, elapsedMs: Number(elapsedMs ?? 0) }, report, signal);
    } catch (error) {
      // Half a lab is of no use to anybody who has not seen a whole one.
      if (!builder.isComplete) setImmediate(() => ended.resolve());
      throw error;
    } finally {
      isBusy = false;
    }
  };
  await using _control = await serveControl(async ({ path, body }: ControlRequest, report, signal) => {
    if (path === "/v1/apply") return await apply(body, report, signal);
    if (path === "/v1/status") {
      const status = await builder.status();
      return { json: status, text: formatStatus(status) };
    }
    throw new TortieError("TT_LAB", `the keeper knows no ${path}`);
  });
  writeSync(readyFd, "ready\n");
  closeSync(readyFd);
  log.info("the keeper is ready", { lab: options.name });
  await ended.promise;
}
