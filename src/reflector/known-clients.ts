import { readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import type { PeerStatus, SpeakerConfig } from "../bgp/index.ts";
import { type IpAddress, type Logger, isJsonObject, parseAddress } from "../lib/index.ts";

type Client = { readonly address: IpAddress; readonly linkName?: string };

/** Sessions come up by the hundred; they are written down together. */
const gatherMs = 500;
/** How old the file's time may be while the reflector runs. */
const beatMs = 10_000;

/**
 * The clients of ranges that have a session, in a file: who starts again within the restart time knows whom it has to
 * call. Some that keep a reflector's routes wait for that. Losing the file loses time only.
 */
export class KnownClients implements Disposable {
  readonly #path: string;
  readonly #log: Logger;
  readonly #clients = new Map<string, Client>();
  readonly #beat: NodeJS.Timeout;
  #gathering: NodeJS.Timeout | undefined;

  constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
    this.#beat = setInterval(() => this.#touch(), beatMs);
    this.#beat.unref();
  }

  /** The configuration with those who were there, if that is not too long ago. Before the first `note`. */
  expectedBy(config: SpeakerConfig): SpeakerConfig {
    const [first, ...others] = config.ranges ?? [];
    const expected = this.#read(config.restartTimeSeconds);
    // In whichever range they are: each is looked for in all of them.
    return first === undefined || expected.length === 0
      ? config
      : { ...config, ranges: [{ ...first, expected }, ...others] };
  }

  note({ name, address, type, state }: PeerStatus): void {
    if (type !== "dynamic") return;
    const [, linkName] = name.split("%");
    if (state === "established") this.#clients.set(name, { address, ...(linkName === undefined ? {} : { linkName }) });
    else if (!this.#clients.delete(name)) return;
    this.#gathering ??= setTimeout(() => this.#write(), gatherMs);
  }

  /** Nobody is to be expected back. */
  forget(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    this.#clients.clear();
    rmSync(this.#path, { force: true });
  }

  [Symbol.dispose](): void {
    clearInterval(this.#beat);
    // What sessions end at the very end still had a client.
    if (this.#gathering !== undefined) this.#write();
  }

  #read(withinSeconds: number): Client[] {
    try {
      const ageMs = Date.now() - statSync(this.#path).mtimeMs;
      if (ageMs > withinSeconds * 1000 + beatMs) return [];
      const read: unknown = JSON.parse(readFileSync(this.#path, "utf8"));
      return Array.isArray(read) ? read.flatMap(readClient) : [];
    } catch {
      // There is none, or none that can be read: clients come by themselves, only later.
      return [];
    }
  }

  #write(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    this.#try(() => {
      writeFileSync(`${this.#path}.new`, JSON.stringify([...this.#clients.values()]), { mode: 0o600 });
      renameSync(`${this.#path}.new`, this.#path);
    });
  }

  #touch(): void {
    if (this.#clients.size > 0) this.#try(() => utimesSync(this.#path, new Date(), new Date()));
  }

  #try(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#log.warn("clients are not written down", { file: this.#path, error });
      clearInterval(this.#beat);
    }
  }
}

function readClient(value: unknown): Client[] {
  const { address: text, linkName } = isJsonObject(value) ? value : {};
  const address = typeof text === "string" ? parseAddress(text) : undefined;
  if (address === undefined) return [];
  return [{ address, ...(typeof linkName === "string" ? { linkName } : {}) }];
}
