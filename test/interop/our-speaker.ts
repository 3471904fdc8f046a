import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type {
  Family,
  OriginatedRoute,
  PeerStatus,
  RibPath,
  RibRow,
  RouteQuery,
  SpeakerConfig,
} from "../../src/bgp/index.ts";
import type { Cidr } from "../../src/lib/index.ts";
import type { Place } from "./network.ts";
import type { SpeakerCall, SpeakerStart } from "./speaker-process.ts";

const script = fileURLToPath(new URL("speaker-process.ts", import.meta.url));
const answerMs = 10_000;

type Message =
  | { readonly event: "ready" }
  | { readonly event: "peer"; readonly status: PeerStatus }
  | { readonly event: "restartEnd"; readonly family: Family }
  | { readonly id: number; readonly result: unknown };

export type StartOptions = { readonly isRestart?: boolean; readonly isForwarding?: boolean; readonly logName?: string };

/** Our speaker in a process and a namespace of its own. */
export class OurSpeaker {
  readonly place: Place;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers = new Map<number, (result: unknown) => void>();
  readonly #ready = Promise.withResolvers<void>();
  /** Every state that the peers went through, oldest first. */
  readonly history: PeerStatus[] = [];
  readonly restartEnds: Family[] = [];
  #lastId = 0;

  private constructor(place: Place, child: ChildProcessWithoutNullStreams) {
    this.place = place;
    this.#child = child;
    createInterface({ input: child.stdout }).on("line", (line) => this.#hear(JSON.parse(line)));
    child.stdin.on("error", () => {});
    child.on("exit", (code, signal) => this.#ready.reject(new Error(`our speaker ended: ${code ?? signal}`)));
    // Whoever waits for it sees it; when nobody does, the next call fails.
    this.#ready.promise.catch(() => {});
  }

  static async start(place: Place, config: SpeakerConfig, options: StartOptions = {}): Promise<OurSpeaker> {
    const { isRestart = false, isForwarding = false, logName = "speaker.log" } = options;
    const child = spawn("ip", ["netns", "exec", place.netns, process.execPath, script]);
    child.stderr.pipe(createWriteStream(place.path(logName), { flags: "a" }));
    const speaker = new OurSpeaker(place, child);
    const start: SpeakerStart = { config, isRestart, isForwarding, seed: process.pid };
    child.stdin.write(`${JSON.stringify(start)}\n`);
    await speaker.#ready.promise;
    return speaker;
  }

  #hear(message: Message): void {
    if ("id" in message) {
      this.#answers.get(message.id)?.(message.result);
      this.#answers.delete(message.id);
    } else if (message.event === "ready") this.#ready.resolve();
    else if (message.event === "peer") this.history.push(message.status);
    else this.restartEnds.push(message.family);
  }

  async #call<T>(request: SpeakerCall): Promise<T> {
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#answers.set(id, resolve);
    const timer = setTimeout(() => reject(new Error(`our speaker did not answer to ${request.call}`)), answerMs);
    this.#child.stdin.write(`${JSON.stringify({ id, ...request })}\n`);
    try {
      return (await promise) as T;
    } finally {
      clearTimeout(timer);
    }
  }

  status(): Promise<PeerStatus[]> {
    return this.#call({ call: "status" });
  }

  async peer(name: string): Promise<PeerStatus> {
    const found = (await this.status()).find((status) => status.name === name);
    if (found === undefined) throw new Error(`our speaker knows no peer ${name}`);
    return found;
  }

  routes(query: RouteQuery = {}): Promise<RibRow[]> {
    return this.#call({ call: "routes", query });
  }

  /** The paths to a prefix that came from the peer and were not refused. */
  async pathsTo(prefix: Cidr, peerName: string): Promise<RibPath[]> {
    const [row] = await this.routes({ prefix });
    return row?.paths.filter((path) => path.peerName === peerName && path.refusal === undefined) ?? [];
  }

  async configure(config: SpeakerConfig): Promise<void> {
    await this.#call({ call: "configure", config });
  }

  async originate(routes: readonly OriginatedRoute[]): Promise<void> {
    await this.#call({ call: "originate", routes });
  }

  async refresh(peer: string): Promise<void> {
    await this.#call({ call: "refresh", peer });
  }

  /** For good, with a word to the peers. */
  async shutDown(text: string): Promise<void> {
    await this.#call({ call: "shutDown", text });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async crash(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}
