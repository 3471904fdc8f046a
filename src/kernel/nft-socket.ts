import { setImmediate as nextTurn } from "node:timers/promises";
import { TortieError, readMessages } from "../lib/index.ts";
import {
  type NftBatch,
  type NftChange,
  type NftObject,
  type NftRequest,
  type Table,
  assembleTable,
  decodeAnswer,
  describeChange,
  encodeChanges,
  encodeRequest,
  isDumpInterrupted,
  nftEventGroup,
  tableOfEvent,
} from "../nft/index.ts";
import { type NetlinkHandle, errnoName, openNetlink } from "../sys/index.ts";
import { makeCallQueue } from "./call-queue.ts";

/** Enough for every transaction where root may have it; in a user namespace the kernel gives some 400 KiB. */
const sendBufferBytes = 64 << 20;
const receiveBufferBytes = 4 << 20;
const attempts = 8;
/** No call sends so many messages that those after this would not do. */
const lastFirstSequence = 2 ** 31;
/** The kernel gave up before it changed anything. */
const passing: ReadonlySet<string> = new Set(["EINTR", "ENOBUFS", "EAGAIN"]);

/** The nftables of one network namespace. Calls queue up: one is at work at a time. */
export interface NftSocket extends Disposable {
  /** Changes made here are told to others under this number; monitorNft leaves them out. */
  readonly portId: number;
  /** The inet table of that name, all of one generation; undefined when there is none. TT_KERNEL when it never holds still. */
  dumpTable(name: string): Promise<Table | undefined>;
  /**
   * Makes the changes in one transaction; in several only when they do not fit the socket's buffer, and then so that each
   * step stays closed. TT_KERNEL with `fields.errno`, and the object in the message, when the kernel refuses one: of its
   * transaction nothing is done then. TT_KERNEL_OVERRUN when the outcome got lost: dump the table and see.
   */
  apply(changes: readonly NftChange[]): Promise<void>;
}

/** `netns`: path of a network namespace; default: the own one. TT_KERNEL when it cannot be opened. */
export function openNftSocket(options: { readonly netns?: string | undefined } = {}): NftSocket {
  return new NetlinkNftSocket(
    openNetlink({ protocol: "netfilter", netns: options.netns, sendBufferBytes, receiveBufferBytes }),
  );
}

class NetlinkNftSocket implements NftSocket {
  readonly portId: number;
  readonly #handle: NetlinkHandle;
  /** Of the next message; 32 bits in it. */
  #sequence = 1;
  readonly #calls = makeCallQueue();

  constructor(handle: NetlinkHandle) {
    this.#handle = handle;
    this.portId = handle.portId;
  }

  dumpTable(name: string): Promise<Table | undefined> {
    return this.#inTurn(async () => {
      for (let attempt = 0; attempt < attempts; attempt++) {
        const objects = await this.#dumpOnce(name);
        if (objects !== undefined) return assembleTable(name, objects);
      }
      throw new TortieError("TT_KERNEL", `nftables table ${name} changed at each of ${attempts} readings`, {
        fields: { table: name },
        hint: "Something else keeps rewriting nftables on this host; find it with `nft monitor`.",
      });
    });
  }

  apply(changes: readonly NftChange[]): Promise<void> {
    return this.#inTurn(async () => {
      const maxBytes = this.#handle.maxSendBytes;
      for (const batch of encodeChanges(changes, { firstSequence: this.#sequence, maxBytes })) {
        this.#sequence = batch.lastSequence + 2;
        await this.#commit(batch);
      }
    });
  }

  [Symbol.dispose](): void {
    this.#handle.close();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.#calls(() => {
      if (this.#sequence > lastFirstSequence) this.#sequence = 1;
      return work();
    });
  }

  /** Undefined when the table changed meanwhile. */
  async #dumpOnce(table: string): Promise<NftObject[] | undefined> {
    const before = await this.#generation();
    const objects: NftObject[] = [];
    for (const type of ["table", "chains", "rules", "sets"] as const) {
      const found = await this.#ask({ type, table });
      if (found === undefined) return type === "table" ? [] : undefined;
      objects.push(...found);
    }
    const sets = objects.filter((object) => object.type === "set");
    for (const object of sets) {
      if (object.table !== table || object.isAnonymous) continue;
      const elements = await this.#ask({ type: "elements", table, set: object.set.name });
      if (elements === undefined) return undefined;
      objects.push(...elements);
    }
    return (await this.#generation()) === before ? objects : undefined;
  }

  async #generation(): Promise<number | undefined> {
    const [object] = (await this.#ask({ type: "generation" })) ?? [];
    return object?.type === "generation" ? object.id : undefined;
  }

  /** Undefined when the object is not there, or a dump was interrupted by a change. */
  async #ask(request: NftRequest): Promise<NftObject[] | undefined> {
    // A big table takes a while: let others work between its parts.
    await nextTurn();
    const sequence = this.#sequence++;
    this.#handle.send(encodeRequest(request, sequence));
    const objects: NftObject[] = [];
    let isInterrupted = false;
    for (;;) {
      for (const message of readMessages(await this.#handle.receive())) {
        if (message.sequence !== sequence) continue;
        isInterrupted ||= isDumpInterrupted(message);
        const answer = decodeAnswer(message);
        if (answer.type === "object") {
          if (answer.object !== undefined) objects.push(answer.object);
          if (answer.isLast) return objects;
          continue;
        }
        if (answer.errno === 0) return isInterrupted ? undefined : objects;
        const errno = errnoName(answer.errno);
        if (errno === "ENOENT" || errno === "EINTR") return undefined;
        throw new TortieError("TT_KERNEL", `the kernel did not tell the nftables ${request.type}: ${errno}`, {
          fields: { errno, detail: answer.detail },
        });
      }
    }
  }

  async #commit(batch: NftBatch): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        // What an earlier attempt left behind has the same sequence numbers.
        this.#drain();
        this.#handle.send(batch.bytes);
        await this.#awaitCommit(batch);
        return;
      } catch (error) {
        const errno = error instanceof TortieError ? error.fields["errno"] : undefined;
        if (attempt >= attempts || !passing.has(String(errno))) throw error;
        await nextTurn();
      }
    }
  }

  #drain(): void {
    try {
      while (this.#handle.receiveNow() !== undefined);
    } catch (error) {
      if (!isOverrun(error)) throw error;
      this.#drain();
    }
  }

  /**
   * The kernel answers each refused message and goes on to the next, so that one transaction may give many errors; the
   * first one is thrown. An error of the whole transaction comes with the number of BATCH_BEGIN and may be the only answer.
   */
  async #awaitCommit(batch: NftBatch): Promise<void> {
    let failure: TortieError | undefined;
    let lost: unknown;
    let isOver = false;
    while (!isOver) {
      let datagram: Uint8Array | undefined;
      try {
        datagram = lost === undefined ? await this.#handle.receive() : this.#handle.receiveNow();
      } catch (error) {
        if (!isOverrun(error)) throw error;
        // More errors than the buffer holds: the first ones are in it.
        lost = error;
        continue;
      }
      if (datagram === undefined) throw failure ?? lost;
      for (const message of readMessages(datagram)) {
        const { sequence } = message;
        const answer = decodeAnswer(message);
        if (answer.type !== "result" || sequence < batch.firstSequence || sequence > batch.lastSequence) continue;
        if (answer.errno !== 0) failure ??= refusal(batch, sequence, answer.errno, answer.detail);
        isOver ||= sequence === batch.lastSequence || (answer.errno !== 0 && sequence === batch.firstSequence);
      }
    }
    if (failure !== undefined) throw failure;
  }
}

function isOverrun(error: unknown): boolean {
  return error instanceof TortieError && error.code === "TT_KERNEL_OVERRUN";
}

function refusal(batch: NftBatch, sequence: number, number: number, detail: string): TortieError {
  const change = batch.changes[sequence - batch.firstSequence - 1];
  const errno = errnoName(number);
  const what = change === undefined ? "a transaction" : `${change.type} of ${describeChange(change)}`;
  return new TortieError("TT_KERNEL", `the kernel refused ${what} (nftables): ${errno}`, {
    fields: { errno, detail, table: change?.table, change: change?.type },
  });
}

export type NftMonitorOptions = {
  readonly signal: AbortSignal;
  /** The table that changes are told of. */
  readonly table: string;
  /** Changes made through these sockets are not told. */
  readonly ownPortIds: readonly number[];
  readonly netns?: string | undefined;
};

/** `overrun`: events were lost, the table may have changed. */
export type NftEvent = { readonly type: "changed" } | { readonly type: "overrun" };

/** One event for each transaction of others that touched the table. Listens from the call on; ends when the signal aborts. */
export function monitorNft(options: NftMonitorOptions): AsyncIterable<NftEvent> {
  const handle = openNetlink({
    protocol: "netfilter",
    netns: options.netns,
    groups: [nftEventGroup],
    receiveBufferBytes,
    // A big transaction of ours would be more than the buffer holds. All messages of a datagram are of one transaction.
    deaf: options.ownPortIds[0] === undefined ? undefined : { toPortId: options.ownPortIds[0], butTypes: [] },
  });
  options.signal.addEventListener("abort", () => handle.close(), { once: true });
  return readEvents(handle, options);
}

async function* readEvents(handle: NetlinkHandle, options: NftMonitorOptions): AsyncGenerator<NftEvent> {
  const { signal, table } = options;
  const own = new Set(options.ownPortIds);
  using _ = handle;
  let isTouched = false;
  while (!signal.aborted) {
    let datagram: Uint8Array;
    try {
      datagram = await handle.receive(signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!isOverrun(error)) throw error;
      isTouched = false;
      yield { type: "overrun" };
      continue;
    }
    for (const message of readMessages(datagram)) {
      if (own.has(portOf(message.body))) continue;
      const touched = tableOfEvent(message);
      if (touched !== undefined) isTouched ||= touched === table;
      else if (isTouched) {
        // The new generation closes the transaction.
        isTouched = false;
        yield { type: "changed" };
      }
    }
  }
}

/** nlmsg_pid of the message whose body this is: the last 4 octets of the header before it. */
function portOf(body: Uint8Array): number {
  return new DataView(body.buffer, body.byteOffset - 4, 4).getUint32(0, true);
}
