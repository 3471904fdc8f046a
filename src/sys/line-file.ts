import { closeSync, existsSync, openSync, renameSync, writeSync } from "node:fs";
import { type Logger, TortieError } from "../lib/index.ts";

/** Lines that are written to a file as they come. */
export interface LineFile extends Disposable {
  readonly write: (line: string) => void;
}

/** Characters that are kept back at most; a turn of the event loop keeps none. */
const batchLength = 1 << 16;

/**
 * Opens a new file that only its owner may read; one that is there already is kept as `PATH.1`. What was written is in the
 * file at the end of each turn, and when the process dies of a bug. When the disk is full the file ends, and the log says so.
 */
export function openLineFile(path: string, log: Logger): LineFile {
  const file = new OpenLineFile(path, log);
  process.once("exit", file.flush);
  return {
    write: file.write,
    [Symbol.dispose]() {
      process.off("exit", file.flush);
      file.close();
    },
  };
}

class OpenLineFile {
  readonly #path: string;
  readonly #log: Logger;
  #fd: number | undefined;
  #batch = "";

  constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
    try {
      if (existsSync(path)) renameSync(path, `${path}.1`);
      this.#fd = openSync(path, "wx", 0o600);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new TortieError("TT_CONFIG", `${path} cannot be written: ${reason}`, { cause, hint: "name another file" });
    }
  }

  readonly write = (line: string): void => {
    if (this.#fd === undefined) return;
    if (this.#batch === "") setImmediate(this.flush);
    this.#batch += `${line}\n`;
    if (this.#batch.length >= batchLength) this.flush();
  };

  readonly flush = (): void => {
    if (this.#fd === undefined || this.#batch === "") return;
    const bytes = Buffer.from(this.#batch);
    this.#batch = "";
    try {
      for (let written = 0; written < bytes.length; ) written += writeSync(this.#fd, bytes, written);
    } catch (error) {
      this.#log.error("the recording ends here", { file: this.#path, error });
      this.close();
    }
  };

  close(): void {
    this.flush();
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}
