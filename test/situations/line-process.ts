import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { spawnInNamespace } from "../../src/sys/index.ts";

const answerWithinMs = 60_000;

/** A program of ours that lives in a network namespace and answers each line of JSON with one. */
export class LineProcess implements AsyncDisposable {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(netns: string, file: string, settings: unknown) {
    const path = fileURLToPath(new URL(file, import.meta.url));
    const args = ["--disable-warning=ExperimentalWarning", path, JSON.stringify(settings)];
    this.#name = `${file} in ${netns}`;
    this.#child = spawnInNamespace(netns, process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
    if (this.#child.stdout === null) throw new Error("the output was asked for");
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** `read` says what an answer is; it throws for anything else. */
  async ask<T>(question: unknown, read: (answer: unknown) => T): Promise<T> {
    this.#child.stdin?.write(`${JSON.stringify(question)}\n`);
    return read(await this.#next());
  }

  /** What it says by itself: that it has started. */
  async untilReady(): Promise<void> {
    await this.#next();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }

  async #next(): Promise<unknown> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error(`${this.#name} does not answer`)), answerWithinMs);
    try {
      const line = await Promise.race([this.#lines.next(), late.promise]);
      if (line.done === true) throw new Error(`${this.#name} has ended`);
      return JSON.parse(line.value);
    } finally {
      clearTimeout(timer);
    }
  }
}
