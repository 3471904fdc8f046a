import { type FileHandle, mkdir, open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Logger, type Result, failure, formatProblem } from "../lib/index.ts";
import { type Resource, decodeResource } from "../resources/index.ts";

const formatVersion = 1;
const lastLine = JSON.stringify({ end: true });
/** Changes that follow each other within this time share one write. */
const gatherMs = 500;
/** Nor is more than one twentieth of the time spent on writing, however big the cluster is. */
const restFactor = 20;
const linesPerWrite = 500;

/**
 * What the agent last knew of the cluster, one resource a line, so that a host starts and goes on
 * without the server: passwords of its BGP sessions too, which is why only its owner may read it. Replaced as a whole by rename: a crash leaves the old one or the new one.
 */
export class Snapshot {
  readonly #path: string;
  readonly #log: Logger;
  #wake = Promise.withResolvers<void>();
  #isDirty = false;

  constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
  }

  /** Undefined when there is none that can be used: all of it or nothing, since a policy that is left out opens a door. */
  async load(): Promise<Resource[] | undefined> {
    try {
      await using file = await open(this.#path, "r");
      return await this.#read(file);
    } catch (error) {
      if (!isMissing(error)) this.#log.error("the snapshot cannot be used", { path: this.#path, error: String(error) });
      return undefined;
    }
  }

  /** The next write holds what `run`'s reader gives at that time. */
  markDirty(): void {
    this.#isDirty = true;
    this.#wake.resolve();
  }

  /** Writes after changes until the signal aborts, and once more then if something is waiting. */
  async run(resources: () => Iterable<Resource>, signal: AbortSignal): Promise<void> {
    let tookMs = 0;
    while (!signal.aborted) {
      const stop = () => this.#wake.resolve();
      signal.addEventListener("abort", stop, { once: true });
      await this.#wake.promise;
      signal.removeEventListener("abort", stop);
      this.#wake = Promise.withResolvers();
      if (!this.#isDirty) continue;
      await sleep(Math.max(gatherMs, tookMs * restFactor), undefined, { signal }).catch(() => undefined);
      this.#isDirty = false;
      const started = performance.now();
      await this.save(resources()).catch((error: unknown) => {
        this.#log.error("the snapshot was not written; a restart without the server would use the older one", {
          path: this.#path,
          error: String(error),
        });
      });
      tookMs = performance.now() - started;
    }
  }

  async save(resources: Iterable<Resource>): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
    const temporary = `${this.#path}.new`;
    {
      await using file = await open(temporary, "w", 0o600);
      // One that an interrupted run has left keeps its mode otherwise.
      await file.chmod(0o600);
      let lines = [headerLine()];
      // In pieces, so that BGP's keepalives need not wait for a cluster of 500,000 workloads.
      for (const resource of resources) {
        lines.push(JSON.stringify(resource));
        if (lines.length < linesPerWrite) continue;
        await file.writeFile(`${lines.join("\n")}\n`);
        lines = [];
      }
      await file.writeFile([...lines, lastLine].join("\n"));
      await file.sync();
    }
    await rename(temporary, this.#path);
  }

  async #read(file: FileHandle): Promise<Resource[] | undefined> {
    const resources: Resource[] = [];
    let number = 0;
    let isWhole = false;
    for await (const line of file.readLines()) {
      number++;
      if (number === 1 && line !== headerLine()) return this.#refuse(number, "is of another version");
      if (number === 1) continue;
      isWhole = line === lastLine;
      if (isWhole) break;
      const decoded = decodeLine(line);
      if (!decoded.ok) return this.#refuse(number, decoded.problems.map(formatProblem).join("; "));
      resources.push(decoded.value);
    }
    return isWhole ? resources : this.#refuse(number, "its end is missing");
  }

  #refuse(line: number, problem: string): undefined {
    this.#log.error("the snapshot cannot be used", { path: this.#path, line, problem });
    return undefined;
  }
}

function decodeLine(line: string): Result<Resource> {
  try {
    return decodeResource(JSON.parse(line), { unknownFields: "keep" });
  } catch {
    // The reason would quote the line, in which there may be a password.
    return failure("", "is not JSON");
  }
}

function headerLine(): string {
  return JSON.stringify({ snapshot: "tortie", version: formatVersion });
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
