import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import type { Flow } from "../conntrack/index.ts";
import { type FlowEnd, FlowJudge } from "../dataplane/index.ts";
import type { FlowSocket } from "../kernel/index.ts";
import { type IpAddress, type Logger, type Random, TortieError, backoffMs } from "../lib/index.ts";
import type { Table } from "../nft/index.ts";

/** What connections are to be judged by. */
export type Ruling = {
  /** As the kernel has it. */
  readonly table: Table;
  /** Workloads whose connections are to end when the rules forbid them. */
  readonly ends: readonly FlowEnd[];
  readonly hostAddresses: ReadonlySet<IpAddress>;
};

/** All connections of a host are looked at: not more often than so. */
const pauseMs = 1000;
const retryMaxMs = 60_000;
/** So many are judged before others have their turn. */
const flowsPerTurn = 100;

/**
 * Ends connections that were let through once and that the rules of now forbid, for those workloads that ask for it. The
 * packet filter by itself leaves established connections alone.
 */
export class FlowCutter {
  readonly #socket: FlowSocket;
  readonly #log: Logger;
  readonly #random: Random;
  #ruling: Ruling | undefined;
  #wake = Promise.withResolvers<void>();
  #count = 0;
  #failure: string | undefined;

  constructor(socket: FlowSocket, log: Logger, random: Random) {
    this.#socket = socket;
    this.#log = log;
    this.#random = random;
  }

  /** Connections ended so far. */
  get count(): number {
    return this.#count;
  }

  /** Why the last look at the connections came to nothing, for people; it is tried again. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** The rules have changed. Of several calls in a row the last one counts. */
  onRules(ruling: Ruling): void {
    this.#ruling = ruling;
    this.#wake.resolve();
  }

  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => this.#wake.resolve(), { once: true });
    let attempt = 0;
    while (!signal.aborted) {
      await this.#wake.promise;
      this.#wake = Promise.withResolvers();
      const ruling = this.#ruling;
      this.#ruling = undefined;
      if (ruling === undefined) continue;
      try {
        await this.#enforce(ruling);
        this.#failure = undefined;
        attempt = 0;
      } catch (error) {
        if (!(error instanceof TortieError)) throw error;
        if (this.#failure !== error.message)
          this.#log.warn("forbidden connections were not ended, will be tried again", { reason: error.message });
        this.#failure = error.message;
        attempt++;
        this.#ruling ??= ruling;
        this.#wake.resolve();
      }
      const waitMs = attempt === 0 ? pauseMs : backoffMs(attempt, pauseMs, retryMaxMs, this.#random);
      await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #enforce({ table, ends, hostAddresses }: Ruling): Promise<void> {
    const judge = new FlowJudge(table, ends, hostAddresses);
    for (const version of [4, 6] as const) {
      const flows = await this.#socket.dump({ version });
      const forbidden: Flow[] = [];
      for (const [at, flow] of flows.entries()) {
        if (at % flowsPerTurn === flowsPerTurn - 1) await setImmediate();
        if (judge.isForbidden(flow)) forbidden.push(flow);
      }
      const count = await this.#socket.cut(forbidden);
      this.#count += count;
      if (count > 0) this.#log.info("connections ended that the rules forbid now", { count, version });
    }
  }
}
