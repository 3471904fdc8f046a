import {
  type PeerConfig,
  type PeerStatus,
  type RouteUpdate,
  type SpeakerConfig,
  allFamilies,
} from "../../bgp/index.ts";
import { type Cidr, parseCidr, seededRandom, silentLogger } from "../../lib/index.ts";
import { type OpenSpeakerOptions, type Speaker, openSpeaker } from "../open-speaker.ts";
import { address, eventually } from "./linked-hosts.ts";

export function prefix(text: string): Cidr {
  const cidr = parseCidr(text);
  if (cidr === undefined) throw new Error(`${text} is no prefix`);
  return cidr;
}

export function peer(remote: string, more: Partial<PeerConfig> = {}): PeerConfig {
  return {
    name: remote,
    type: "nodePeer",
    address: address(remote),
    port: 179,
    asNumber: 64512,
    isPassive: false,
    families: allFamilies,
    nextHopMode: "auto",
    ...more,
  };
}

/** `number`: the last of the router identifier. */
export function speakerConfig(number: number, more: Partial<SpeakerConfig>): SpeakerConfig {
  return {
    localAs: 64512,
    routerId: address(`192.0.2.${number}`),
    listenPort: 179,
    restartTimeSeconds: 120,
    exportWithin: "all",
    peers: [],
    ...more,
  };
}

/** A speaker and what it told. */
export class TestSpeaker implements AsyncDisposable {
  readonly speaker: Speaker;
  readonly table: ReadonlyMap<string, RouteUpdate>;
  readonly states: readonly PeerStatus[];
  readonly lines: readonly string[];

  constructor(speaker: Speaker, table: Map<string, RouteUpdate>, states: PeerStatus[], lines: string[]) {
    this.speaker = speaker;
    this.table = table;
    this.states = states;
    this.lines = lines;
  }

  static async open(config: SpeakerConfig, options: Partial<OpenSpeakerOptions> = {}): Promise<TestSpeaker> {
    const table = new Map<string, RouteUpdate>();
    const states: PeerStatus[] = [];
    const lines: string[] = [];
    const say = (text: string, fields: unknown) => void lines.push(`${text} ${JSON.stringify(fields)}`);
    const speaker = await openSpeaker({
      config,
      isRestart: false,
      log: { ...silentLogger, info: say, warn: say, error: say },
      random: seededRandom(Number(config.routerId.split(".").at(-1))),
      signal: new AbortController().signal,
      onRoutes(updates) {
        for (const update of updates) {
          if (update.paths.length > 0) table.set(update.prefix, update);
          else table.delete(update.prefix);
        }
      },
      onPeer: (status) => void states.push(status),
      onRestartEnd: () => undefined,
      ...options,
    });
    return new TestSpeaker(speaker, table, states, lines);
  }

  status(name?: string): PeerStatus | undefined {
    const all = this.speaker.status();
    return name === undefined ? all[0] : all.find((status) => status.name === name);
  }

  isUp(name?: string): boolean {
    return this.status(name)?.state === "established";
  }

  async untilUp(name?: string): Promise<void> {
    await eventually(`the session with ${name ?? "the peer"}`, () => this.isUp(name));
  }

  async untilDown(name?: string): Promise<void> {
    await eventually(`the end of the session with ${name ?? "the peer"}`, () => !this.isUp(name));
  }

  originate(...prefixes: readonly string[]): void {
    this.speaker.originate(prefixes.map((text) => ({ prefix: prefix(text), localPref: 100 })));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.speaker[Symbol.asyncDispose]();
  }
}
