import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { refuseLine } from "./answer-line.ts";

/** Time for one answer. */
const deadlineMs = 10_000;
/** Of the memory a line's work may take, as of the line itself. */
const maxOldGenerationSizeMb = 1024;
const maxLineChars = 64 * 1024 * 1024;

/** Answers the lines of `input` one after the other until it ends. */
export async function runOracle(input: NodeJS.ReadStream, output: NodeJS.WriteStream): Promise<void> {
  await using oracle = new Oracle();
  for await (const line of readLines(input)) {
    const answer = await oracle.answer(line);
    if (!output.write(`${answer}\n`)) await once(output, "drain");
  }
}

/** One line after the other, each answered by a thread that is given up when it takes too long or dies. */
class Oracle implements AsyncDisposable {
  #worker: Worker | undefined;

  async answer(line: string): Promise<string> {
    if (line.length > maxLineChars) return refuseLine("", "the line is too long");
    const worker = (this.#worker ??= startWorker());
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    const timer = setTimeout(() => resolve(undefined), deadlineMs);
    const onEnd = () => resolve(undefined);
    worker.once("message", resolve);
    worker.once("error", onEnd);
    worker.once("exit", onEnd);
    worker.postMessage(line, []);
    const answer = await promise;
    clearTimeout(timer);
    worker.off("message", resolve);
    worker.off("error", onEnd);
    worker.off("exit", onEnd);
    if (answer !== undefined) return answer;
    worker.on("error", onEnd);
    this.#worker = undefined;
    await worker.terminate();
    return refuseLine(line, `there was no answer within ${deadlineMs / 1000} s`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker?.terminate();
  }
}

function startWorker(): Worker {
  return new Worker(new URL("oracle-worker.ts", import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb },
  });
}

/** Ends of lines as JSON lines have them; the last line may lack its own. Empty lines say nothing. */
async function* readLines(input: NodeJS.ReadStream): AsyncGenerator<string, void, void> {
  input.setEncoding("utf8");
  let pieces: string[] = [];
  for await (const chunk of input) {
    const lines = String(chunk).split("\n");
    const rest = lines.pop() ?? "";
    for (const line of lines) {
      const whole = [...pieces, line].join("");
      pieces = [];
      if (whole.trim() !== "") yield whole;
    }
    pieces.push(rest);
  }
  const last = pieces.join("");
  if (last.trim() !== "") yield last;
}
