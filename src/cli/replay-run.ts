import { createHash } from "node:crypto";
import { type PeerStatus, type RecordedLine, SpeakerCore, type SpeakerOutput } from "../bgp/index.ts";
import { cidrVersion, seededRandom } from "../lib/index.ts";

type StartLine = Extract<RecordedLine, { type: "start" }>;
type InputLine = Extract<RecordedLine, { type: "input" }>;

/** What the core did with a recording. */
export type ReplayReport = {
  readonly isRestart: boolean;
  /** From the first input to the last. */
  readonly durationMs: number;
  /** The last line of the file was not whole. */
  readonly isCutOff: boolean;
  readonly inputs: Counts;
  readonly outputs: Counts;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** Of each peer, as it last was. */
  readonly sessions: readonly SessionReport[];
  readonly notices: readonly NoticeReport[];
  /** Prefixes known at the end. */
  readonly routes: { readonly ipv4: number; readonly ipv6: number };
  /** SHA-256 over all outputs in their order: two replays that agree in it did the same. */
  readonly hash: string;
  /** The core broke: our own bug. */
  readonly failure?: { readonly line: number; readonly input: string; readonly error: string };
};

type Counts = Readonly<Record<string, number>>;

export type SessionReport = {
  readonly status: PeerStatus;
  /** Times that it came up, and that it went. */
  readonly ups: number;
  readonly downs: number;
  /** Of the last change, since the first input. */
  readonly changedAtMs: number;
};

export type NoticeReport = {
  readonly peer: string;
  readonly text: string;
  /** Of the last one. */
  readonly detail: string;
  readonly count: number;
  readonly firstAtMs: number;
};

/** Notices that differ are kept up to here; the rest is only counted among the outputs. */
const maxNotices = 1_000;

/** A core that is fed with what was recorded. */
export class Replay {
  readonly #core: SpeakerCore;
  readonly #isRestart: boolean;
  readonly #inputs = new Map<string, number>();
  readonly #outputs = new Map<string, number>();
  readonly #sessions = new Map<string, SessionReport>();
  readonly #notices = new Map<string, NoticeReport>();
  readonly #hash = createHash("sha256");
  #routes = { ipv4: 0, ipv6: 0 };
  #beginMs: number | undefined;
  #endMs = 0;
  #bytesReceived = 0;
  #bytesSent = 0;
  #failure: ReplayReport["failure"];

  constructor({ isRestart, tellsRoutes, seed }: StartLine) {
    this.#isRestart = isRestart;
    this.#core = new SpeakerCore({ isRestart, tellsRoutes, random: seededRandom(seed) });
  }

  /** False: the core broke, and nothing more can be learned. */
  step({ atMs, input }: InputLine, line: number): boolean {
    this.#beginMs ??= atMs;
    this.#endMs = atMs;
    count(this.#inputs, input.type);
    if (input.type === "bytes") this.#bytesReceived += input.bytes.length;
    // What was known is gone once the core has stopped.
    if (input.type === "stop") this.#countRoutes();
    try {
      for (const output of this.#core.step(input, atMs)) this.#note(output, atMs - this.#beginMs);
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#failure = { line, input: input.type, error: text };
    }
    return this.#failure === undefined;
  }

  report({ isCutOff }: { readonly isCutOff: boolean }): ReplayReport {
    if (this.#failure === undefined && !this.#inputs.has("stop")) this.#countRoutes();
    return {
      isRestart: this.#isRestart,
      durationMs: this.#endMs - (this.#beginMs ?? this.#endMs),
      isCutOff,
      inputs: Object.fromEntries(this.#inputs),
      outputs: Object.fromEntries(this.#outputs),
      bytesReceived: this.#bytesReceived,
      bytesSent: this.#bytesSent,
      sessions: [...this.#sessions.values()],
      notices: [...this.#notices.values()],
      routes: this.#routes,
      hash: this.#hash.digest("hex"),
      ...(this.#failure === undefined ? {} : { failure: this.#failure }),
    };
  }

  #countRoutes(): void {
    this.#routes = { ipv4: 0, ipv6: 0 };
    for (const { prefix } of this.#core.rows()) this.#routes[cidrVersion(prefix) === 4 ? "ipv4" : "ipv6"] += 1;
  }

  #note(output: SpeakerOutput, atMs: number): void {
    count(this.#outputs, output.type);
    if (output.type === "write") {
      this.#bytesSent += output.bytes.length;
      this.#hash.update(`write ${output.connection} ${output.bytes.length}\n`).update(output.bytes);
      return;
    }
    this.#hash.update(`${JSON.stringify(output)}\n`);
    if (output.type === "peer") this.#noteSession(output.status, atMs);
    else if (output.type === "notice") this.#noteNotice(output, atMs);
  }

  #noteSession(status: PeerStatus, changedAtMs: number): void {
    const before = this.#sessions.get(status.name);
    const was = before?.status.state === "established";
    const is = status.state === "established";
    this.#sessions.set(status.name, {
      status,
      ups: (before?.ups ?? 0) + Number(is && !was),
      downs: (before?.downs ?? 0) + Number(was && !is),
      changedAtMs,
    });
  }

  #noteNotice({ peer, text, detail }: Extract<SpeakerOutput, { type: "notice" }>, atMs: number): void {
    const key = `${peer}\n${text}`;
    const before = this.#notices.get(key);
    if (before === undefined && this.#notices.size === maxNotices) return;
    const firstAtMs = before?.firstAtMs ?? atMs;
    this.#notices.set(key, { peer, text, detail, count: (before?.count ?? 0) + 1, firstAtMs });
  }
}

function count(counts: Map<string, number>, type: string): void {
  counts.set(type, (counts.get(type) ?? 0) + 1);
}
