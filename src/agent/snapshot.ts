import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Logger, TortieError } from "../lib/index.ts";
import { type Resource, decodeResource } from "../resources/index.ts";

const formatVersion = 1;
/** Changes that follow each other within this time share one write. */
const gatherMs = 500;

/**
 * What the agent last knew of the cluster, one resource a line, so that a host starts and goes on
 * without the server. Replaced as a whole by rename: a crash leaves the old one or the new one.
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

  /** Undefined when there is none yet. A line that cannot be read is left out and told: it counts as absent. */
  async load(): Promise<Resource[] | undefined> {
    const text = await readFile(this.#path, "utf8").catch((error: unknown) => {
      if (isMissing(error)) return undefined;
      throw new TortieError("TT_CONFIG", `the snapshot ${this.#path} cannot be read`, {
        cause: error,
        hint: "mend its permissions, or remove it and start the agent with the server in reach",
      });
    });
    if (text === undefined) return undefined;
    const [header = "", ...lines] = text.split("\n");
    if (header !== headerLine()) {
      this.#log.warn("the snapshot is of another version and is not used", { path: this.#path });
      return undefined;
    }
    return lines.filter((line) => line !== "").flatMap((line) => this.#decodeLine(line));
  }

  /** The next write holds what `run`'s reader gives at that time. */
  markDirty(): void {
    this.#isDirty = true;
    this.#wake.resolve();
  }

  /** Writes after changes until the signal aborts, and once more then if something is waiting. */
  async run(resources: () => Iterable<Resource>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const stop = () => this.#wake.resolve();
      signal.addEventListener("abort", stop, { once: true });
      await this.#wake.promise;
      signal.removeEventListener("abort", stop);
      this.#wake = Promise.withResolvers();
      if (!this.#isDirty) continue;
      await sleep(gatherMs, undefined, { signal }).catch(() => undefined);
      this.#isDirty = false;
      await this.save(resources()).catch((error: unknown) => {
        this.#log.error("the snapshot was not written; a restart without the server would use the older one", {
          path: this.#path,
          error: String(error),
        });
      });
    }
  }

  async save(resources: Iterable<Resource>): Promise<void> {
    const lines = [headerLine()];
    for (const resource of resources) lines.push(JSON.stringify(resource));
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
    const temporary = `${this.#path}.new`;
    {
      await using file = await open(temporary, "w", 0o600);
      await file.writeFile(`${lines.join("\n")}\n`);
      await file.sync();
    }
    await rename(temporary, this.#path);
  }

  #decodeLine(line: string): Resource[] {
    let json: unknown;
    try {
      json = JSON.parse(line);
    } catch (error) {
      this.#log.warn("a line of the snapshot is not JSON and is left out", { path: this.#path, error: String(error) });
      return [];
    }
    const decoded = decodeResource(json, { unknownFields: "keep" });
    if (decoded.ok) return [decoded.value];
    this.#log.warn("a resource of the snapshot is not valid and is left out", {
      path: this.#path,
      problem: decoded.problems[0]?.message,
    });
    return [];
  }
}

function headerLine(): string {
  return JSON.stringify({ snapshot: "tortie", version: formatVersion });
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
