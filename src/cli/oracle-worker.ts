import { parentPort } from "node:worker_threads";
import { answerLine } from "./answer-line.ts";

// The thread that does the work, so that one that never ends can be ended.
parentPort?.on("message", (line: string) => parentPort?.postMessage(answerLine(line), []));
