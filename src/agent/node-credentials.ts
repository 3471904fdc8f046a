import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { identityOf, renewalTimeMs } from "../access/index.ts";
import {
  type Credentials,
  type NewKey,
  formatCredentials,
  joinCluster,
  makeKey,
  parseCredentials,
  renewCredentials,
  subjectOfCertificate,
  validityOf,
} from "../client/index.ts";
import { type Logger, type Random, TortieError, backoffMs } from "../lib/index.ts";

export type NodeCredentialsOptions = {
  readonly node: string;
  /** `https://HOST:PORT` */
  readonly server: string;
  /** What `tortie token create --node` printed; used only without a certificate that is still good. */
  readonly token: string | undefined;
  /** Where certificate and key are kept, mode 0600. */
  readonly stateDir: string;
  readonly log: Logger;
  readonly random: Random;
};

/** Clocks leap and machines sleep: the time of day is looked at again after so long. */
const maxSleepMs = 600_000;
const firstPauseMs = 200;
const maxPauseMs = 60_000;

/**
 * What this host shows to the server: got with a token, kept on disk, renewed at half its life, with a new key each time. A host
 * whose certificate has ended goes on forwarding, and needs another token to hear of changes again.
 */
export class NodeCredentials {
  readonly #options: NodeCredentialsOptions;
  readonly #path: string;
  #credentials: Credentials | undefined;
  #renewAtMs = 0;
  #endsAtMs = 0;
  readonly #tried = Promise.withResolvers<void>();

  private constructor(options: NodeCredentialsOptions) {
    this.#options = options;
    this.#path = `${options.stateDir}/credentials.json`;
  }

  /** With what an earlier run has left; does not need the server. TT_CONFIG when there is neither that nor a token. */
  static async open(options: NodeCredentialsOptions): Promise<NodeCredentials> {
    const credentials = new NodeCredentials(options);
    const text = await readIfThere(credentials.#path);
    if (text !== undefined) {
      const kept = parseCredentials(text, credentials.#path);
      const owner = identityOf(subjectOfCertificate(kept.certificate));
      if (owner?.role === "node" && owner.name === options.node) credentials.#take({ ...kept, server: options.server });
      else options.log.warn("the certificate that is there is not this node's", { path: credentials.#path });
    }
    if (credentials.current() === undefined && options.token === undefined) {
      throw new TortieError("TT_CONFIG", `node ${options.node} has no certificate that is still good, and no token`, {
        hint: `run \`tortie token create --node ${options.node}\` and give what it prints with --token`,
      });
    }
    if (credentials.current() !== undefined) credentials.#tried.resolve();
    return credentials;
  }

  /** Until there is something to show, or the first attempt to get it has failed; `keep` must run. */
  get tried(): Promise<void> {
    return this.#tried.promise;
  }

  /** Undefined before the host has joined, and when the certificate has ended. */
  current(): Credentials | undefined {
    return this.#endsAtMs > Date.now() ? this.#credentials : undefined;
  }

  /** Joins when that is needed, then renews for ever; a failure is tried again and never ends it. */
  async keep(signal: AbortSignal): Promise<void> {
    const { log, random } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      const waitMs = this.current() === undefined ? 0 : this.#renewAtMs - Date.now();
      if (waitMs > 0) {
        await pause(Math.min(waitMs, maxSleepMs), signal);
        continue;
      }
      try {
        await this.#obtain(signal);
        failures = 0;
        this.#tried.resolve();
      } catch (error) {
        if (signal.aborted) break;
        if (!(error instanceof TortieError)) throw error;
        if (failures === 0)
          log.warn("no certificate yet, will be tried again", { code: error.code, why: error.message });
        this.#tried.resolve();
        await pause(backoffMs(failures++, firstPauseMs, maxPauseMs, random), signal);
      }
    }
    this.#tried.resolve();
  }

  async #obtain(signal: AbortSignal): Promise<void> {
    const { node, server, token, log } = this.#options;
    const present = this.current();
    if (present !== undefined) {
      await this.#save(await renewCredentials(present, signal));
      log.info("the certificate was renewed", { node, until: this.#until() });
      return;
    }
    if (token === undefined)
      throw new TortieError("TT_API_DENIED", "the certificate has ended and there is no token to get another one");
    await this.#save(await joinCluster({ server, token, node, key: await this.#joinKey(), signal }));
    await rm(this.#joinKeyPath, { force: true });
    log.info("joined the cluster", { node, server, until: this.#until() });
  }

  get #joinKeyPath(): string {
    return `${this.#options.stateDir}/join-key.json`;
  }

  /** On disk before it is used: whoever loses the answer, or dies, may repeat with the same key. */
  async #joinKey(): Promise<NewKey> {
    const text = await readIfThere(this.#joinKeyPath);
    if (text !== undefined) {
      const kept: Partial<NewKey> = JSON.parse(text);
      if (kept.publicKey !== undefined && kept.privateKey !== undefined)
        return { publicKey: kept.publicKey, privateKey: kept.privateKey };
    }
    const key = makeKey();
    await this.#write(this.#joinKeyPath, JSON.stringify(key));
    return key;
  }

  async #save(credentials: Credentials): Promise<void> {
    await this.#write(this.#path, formatCredentials(credentials, this.#options.node));
    this.#take(credentials);
  }

  #take(credentials: Credentials): void {
    this.#credentials = credentials;
    const validity = validityOf(credentials.certificate);
    this.#endsAtMs = validity?.notAfterMs ?? 0;
    this.#renewAtMs = validity === undefined ? 0 : renewalTimeMs(validity, this.#options.random);
  }

  #until(): string {
    return new Date(this.#endsAtMs).toISOString();
  }

  async #write(path: string, text: string): Promise<void> {
    await mkdir(this.#options.stateDir, { recursive: true, mode: 0o700 });
    const temporary = `${path}.new`;
    {
      await using file = await open(temporary, "w", 0o600);
      await file.writeFile(text);
      await file.sync();
    }
    await rename(temporary, path);
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw new TortieError("TT_CONFIG", `${path} cannot be read`, { cause, hint: "run this as the user it belongs to" });
  }
}

async function pause(waitMs: number, signal: AbortSignal): Promise<void> {
  await sleep(waitMs, undefined, { signal }).catch(() => undefined);
}
