// Runs one speaker for the interop tests, in whatever network namespace it is started. Lines of JSON in: first how to
// start, then calls; lines of JSON out: answers and events. It ends with its input, without a word to the peers.
// usage: node test/interop/speaker-process.ts
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { OriginatedRoute, RouteQuery, RouteUpdate, SpeakerConfig } from "../../src/bgp/index.ts";
import { addressVersion, cidrVersion, seededRandom } from "../../src/lib/index.ts";
import { type Speaker, openSpeaker } from "../../src/speaker/index.ts";
import { createLogger } from "../../src/sys/index.ts";

export type SpeakerStart = {
  readonly config: SpeakerConfig;
  readonly isRestart: boolean;
  /** Put the routes into the kernel of the namespace. */
  readonly isForwarding: boolean;
  readonly seed: number;
};

export type SpeakerCall =
  | { readonly call: "status" }
  | { readonly call: "routes"; readonly query: RouteQuery }
  | { readonly call: "refresh"; readonly peer: string }
  | { readonly call: "shutDown"; readonly text: string }
  | { readonly call: "configure"; readonly config: SpeakerConfig }
  | { readonly call: "originate"; readonly routes: readonly OriginatedRoute[] };

/** Writes routes as they come. What is there from before stays until it is told anew. */
class Forwarding {
  readonly #ip: ChildProcess;

  constructor() {
    this.#ip = spawn("ip", ["-force", "-batch", "-"], { stdio: ["pipe", "ignore", "inherit"] });
  }

  write(updates: readonly RouteUpdate[]): void {
    for (const { prefix, paths } of updates) {
      const [best] = paths;
      const version = cidrVersion(prefix);
      // Without forwarding paths the route may never have been there, which `ip` then says.
      if (best === undefined) this.#ip.stdin?.write(`route del ${prefix} proto 121\n`);
      else {
        const via = addressVersion(best.nextHop) === version ? "via" : "via inet6";
        this.#ip.stdin?.write(`route replace ${prefix} ${via} ${best.nextHop} proto 121\n`);
      }
    }
  }
}

function say(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

async function start({ config, isRestart, isForwarding, seed }: SpeakerStart): Promise<Speaker> {
  const forwarding = isForwarding ? new Forwarding() : undefined;
  return await openSpeaker({
    config,
    isRestart,
    log: createLogger({ level: "debug", format: "pretty" }),
    random: seededRandom(seed),
    signal: new AbortController().signal,
    onRoutes: (updates) => forwarding?.write(updates),
    onPeer: (status) => say({ event: "peer", status }),
    onRestartEnd: (family) => say({ event: "restartEnd", family }),
  });
}

async function answer(speaker: Speaker, request: SpeakerCall): Promise<unknown> {
  switch (request.call) {
    case "status":
      return speaker.status();
    case "routes":
      return Array.from(speaker.routes(request.query));
    case "configure":
      return speaker.configure(request.config);
    case "originate":
      return speaker.originate(request.routes);
    case "refresh":
      return speaker.refresh(request.peer);
    case "shutDown":
      return await speaker.shutDown(request.text);
  }
}

let speaker: Speaker | undefined;
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  if (speaker === undefined) {
    speaker = await start(request);
    say({ event: "ready" });
  } else {
    say({ id: request.id, result: await answer(speaker, request) });
  }
}
process.exit(0);
