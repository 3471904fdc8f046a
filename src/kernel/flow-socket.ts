import { setImmediate } from "node:timers/promises";
import {
  type Flow,
  type FlowFilter,
  encodeFlowDeletions,
  encodeFlowDump,
  isOfFilter,
  readFlow,
} from "../conntrack/index.ts";
import { TortieError, readMessages } from "../lib/index.ts";
import { isInterrupted, readAnswer } from "../netlink/index.ts";
import { type NetlinkHandle, errnoName, openNetlink } from "../sys/index.ts";
import { makeCallQueue, makeSequenceNumbers } from "./call-queue.ts";

const receiveBufferBytes = 4 << 20;
const deletionsPerSend = 100;
/** A table of connections changes under every dump of a busy host; what was missed then is asked for again. */
const maxDumpAttempts = 3;

/** The connections that the kernel keeps track of, in one network namespace. Calls queue up. */
export interface FlowSocket extends Disposable {
  /** TT_KERNEL with `fields.errno` when the kernel refuses, e.g. because it keeps track of none. */
  dump(filter: FlowFilter): Promise<Flow[]>;
  /** Ends connections: the next packet of one is a new one to the rules. How many were still there. */
  cut(flows: readonly Flow[]): Promise<number>;
}

/** `netns`: path of a network namespace; default: the own one. TT_KERNEL when it cannot be opened. */
export function openFlowSocket(options: { readonly netns?: string | undefined } = {}): FlowSocket {
  return new KernelFlowSocket(openNetlink({ protocol: "netfilter", netns: options.netns, receiveBufferBytes }));
}

class KernelFlowSocket implements FlowSocket {
  readonly #netlink: NetlinkHandle;
  readonly #inTurn = makeCallQueue();
  readonly #takeSequences = makeSequenceNumbers();

  constructor(netlink: NetlinkHandle) {
    this.#netlink = netlink;
  }

  dump(filter: FlowFilter): Promise<Flow[]> {
    return this.#inTurn(async () => {
      const flows = new Map<number, Flow>();
      for (let attempt = 1; ; attempt++) {
        const isComplete = await this.#dumpOnce(filter, flows);
        if (isComplete || attempt === maxDumpAttempts) return [...flows.values()];
      }
    });
  }

  cut(flows: readonly Flow[]): Promise<number> {
    return this.#inTurn(async () => {
      let count = 0;
      for (let start = 0; start < flows.length; start += deletionsPerSend) {
        if (start > 0) await setImmediate();
        count += await this.#cutBatch(flows.slice(start, start + deletionsPerSend));
      }
      return count;
    });
  }

  [Symbol.dispose](): void {
    this.#netlink.close();
  }

  /** False: the table changed meanwhile, and some may have been missed. */
  async #dumpOnce(filter: FlowFilter, flows: Map<number, Flow>): Promise<boolean> {
    const sequence = this.#takeSequences(1);
    this.#netlink.send(encodeFlowDump(filter, sequence));
    let isComplete = true;
    for (;;) {
      await setImmediate();
      for (const message of readMessages(await this.#netlink.receive())) {
        if (message.sequence !== sequence) continue;
        if (isInterrupted(message)) isComplete = false;
        const answer = readAnswer(message);
        if (answer === undefined) {
          const flow = readFlow(message);
          if (flow !== undefined && isOfFilter(flow, filter)) flows.set(flow.id, flow);
          continue;
        }
        if (answer.errno === 0) return isComplete;
        throw refused("reading", answer);
      }
    }
  }

  async #cutBatch(flows: readonly Flow[]): Promise<number> {
    const first = this.#takeSequences(flows.length);
    this.#netlink.send(encodeFlowDeletions(flows, first));
    let count = 0;
    for (let left = flows.length; left > 0; ) {
      for (const message of readMessages(await this.#netlink.receive())) {
        const answer = readAnswer(message);
        if (answer === undefined || message.sequence < first || message.sequence >= first + flows.length) continue;
        left--;
        if (answer.errno === 0) count++;
        // It has ended by itself, or another has its place.
        else if (errnoName(answer.errno) !== "ENOENT") throw refused("ending", answer);
      }
    }
    return count;
  }
}

function refused(doing: string, answer: { readonly errno: number; readonly text: string }): TortieError {
  const errno = errnoName(answer.errno);
  return new TortieError("TT_KERNEL", `${doing} tracked connections: ${errno} ${answer.text}`.trimEnd(), {
    fields: { errno },
    hint: "The kernel needs nf_conntrack_netlink (CONFIG_NF_CT_NETLINK).",
  });
}
