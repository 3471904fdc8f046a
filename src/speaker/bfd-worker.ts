import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { type LogFields, type Logger, seededRandom } from "../lib/index.ts";
import { BfdRunner } from "./bfd-runner.ts";
import type { BfdAnswer, BfdRequest, BfdWorkerData } from "./bfd-sessions.ts";

// The thread that BFD has to itself, so that no work of the speaker's makes its packets late.

const { seed, netns }: BfdWorkerData = workerData;
/** Before everything that computes. Of this thread alone: on Linux a priority is a thread's. */
const priority = -10;

function tell(answer: BfdAnswer): void {
  parentPort?.postMessage(answer, []);
}

function logger(own: LogFields): Logger {
  const at = (level: "error" | "warn" | "info" | "debug") => (text: string, fields?: LogFields) =>
    tell({ type: "log", level, text, fields: { ...own, ...fields } });
  return {
    error: at("error"),
    warn: at("warn"),
    info: at("info"),
    debug: at("debug"),
    child: (fields) => logger({ ...own, ...fields }),
  };
}

const log = logger({});
try {
  setPriority(0, priority);
} catch (error) {
  log.debug("BFD runs at the priority of everything else", { error });
}
const runner = new BfdRunner({ log, random: seededRandom(seed), netns, onState: tell });

parentPort?.on("message", (request: BfdRequest) => {
  switch (request.type) {
    case "configure":
      runner.configure(request.peers);
      return;
    case "status":
      tell({ type: "status", id: request.id, status: runner.status() });
      return;
    case "stop":
      void stop();
  }
});

async function stop(): Promise<void> {
  await runner[Symbol.asyncDispose]();
  parentPort?.close();
}
