import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { BfdPeer, BfdStatus } from "../bfd/index.ts";
import type { LogFields, Logger, Random } from "../lib/index.ts";
import type { StateChange } from "./bfd-runner.ts";

export type BfdOptions = {
  readonly log: Logger;
  readonly random: Random;
  /** Path of the network namespace to work in; default: the own one. */
  readonly netns?: string;
  /** A peer can be reached, or no more. `isOff`: the other end has switched BFD off, which is no failure. */
  onState(peerName: string, isUp: boolean, isOff: boolean): void;
};

export interface Bfd extends AsyncDisposable {
  /** All the peers to watch, told when they change. Sessions of those that are watched already go on. */
  configure(peers: readonly BfdPeer[]): void;
  status(): Promise<BfdStatus>;
}

export type BfdWorkerData = { readonly seed: number; readonly netns: string | undefined };

export type BfdRequest =
  | { readonly type: "configure"; readonly peers: readonly BfdPeer[] }
  | { readonly type: "status"; readonly id: number }
  | { readonly type: "stop" };

export type BfdAnswer =
  | StateChange
  | { readonly type: "status"; readonly id: number; readonly status: BfdStatus }
  | {
      readonly type: "log";
      readonly level: "error" | "warn" | "info" | "debug";
      readonly text: string;
      readonly fields: LogFields;
    };

/** Sends nothing and costs nothing before the first peer. Disposing tells the other ends that it is no failure. */
export function openBfd(options: BfdOptions): Bfd {
  return new BfdThread(options);
}

/** BFD in a thread of its own: a speaker that works off a full table for a while must not look dead to its peers. */
class BfdThread implements Bfd {
  readonly #options: BfdOptions;
  readonly #statusById = new Map<number, (status: BfdStatus) => void>();
  #worker: Worker | undefined;
  #statusCount = 0;
  #isClosed = false;

  constructor(options: BfdOptions) {
    this.#options = options;
  }

  configure(peers: readonly BfdPeer[]): void {
    if (this.#isClosed) return;
    if (peers.length > 0) this.#worker ??= this.#start();
    this.#tell({ type: "configure", peers });
  }

  async status(): Promise<BfdStatus> {
    if (this.#worker === undefined || this.#isClosed) return { sessions: [], packetsRefused: 0 };
    const { promise, resolve } = Promise.withResolvers<BfdStatus>();
    const id = this.#statusCount++;
    this.#statusById.set(id, resolve);
    this.#tell({ type: "status", id });
    return promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const worker = this.#worker;
    if (this.#isClosed || worker === undefined) {
      this.#isClosed = true;
      return;
    }
    this.#isClosed = true;
    const exit = once(worker, "exit");
    this.#tell({ type: "stop" });
    await exit;
  }

  #start(): Worker {
    const seed = Math.floor(this.#options.random() * 0x100000000);
    const workerData: BfdWorkerData = { seed, netns: this.#options.netns };
    const worker = new Worker(new URL("bfd-worker.ts", import.meta.url), {
      workerData,
      // It keeps a few kilobytes a session; without a bound each thread reserves for far more.
      resourceLimits: { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 },
    });
    worker.on("message", (answer: BfdAnswer) => this.#take(answer));
    worker.on("exit", () => {
      for (const resolve of this.#statusById.values()) resolve({ sessions: [], packetsRefused: 0 });
      this.#statusById.clear();
    });
    return worker;
  }

  #tell(request: BfdRequest): void {
    this.#worker?.postMessage(request);
  }

  #take(answer: BfdAnswer): void {
    const { log, onState } = this.#options;
    switch (answer.type) {
      case "log":
        log[answer.level](answer.text, answer.fields);
        return;
      case "status":
        this.#statusById.get(answer.id)?.(answer.status);
        this.#statusById.delete(answer.id);
        return;
      case "state": {
        const { peer, state, diagnostic } = answer;
        if (this.#isClosed) return;
        log.info("BFD session changed", { peer, state, diagnostic });
        onState(peer, state === "up", state === "adminDown");
      }
    }
  }
}
