import { type Result, failure, isAddress, isJsonObject, parseCidr, success } from "../lib/index.ts";
import type { OriginatedRoute, PeerConfig, PeerRange, SessionConfig, SpeakerConfig } from "./config.ts";
import type { SpeakerInput } from "./steps.ts";

const recordingVersion = 1;

/**
 * One line of a recording: how the core was made, then all that happened to it. A core made the same way, with the same
 * random numbers, and fed with the same inputs at the same times does the same again.
 */
export type RecordedLine =
  | {
      readonly type: "start";
      readonly version: typeof recordingVersion;
      readonly isRestart: boolean;
      readonly tellsRoutes: boolean;
      /** Of `seededRandom`: 0 to 2^32-1. */
      readonly seed: number;
    }
  | { readonly type: "input"; readonly atMs: number; readonly input: SpeakerInput };

export function startLine(core: { isRestart: boolean; tellsRoutes: boolean; seed: number }): RecordedLine {
  return { type: "start", version: recordingVersion, ...core };
}

/** JSON without a line break. Passwords are to be masked before: see `PasswordMask`. */
export function writeRecordedLine(line: RecordedLine): string {
  if (line.type === "start") return JSON.stringify(line);
  const { atMs, input } = line;
  const written = input.type === "bytes" ? { ...input, bytes: input.bytes.toHex() } : input;
  return JSON.stringify({ atMs, input: written });
}

/** A line of somebody's file. */
export function parseRecordedLine(text: string): Result<RecordedLine> {
  const line = parseJson(text);
  if (!isJsonObject(line)) return failure("", "the line is no JSON object", "give a file that was recorded by tortie");
  if ("input" in line) {
    if (!isNumber(line["atMs"])) return failure("atMs", "is no time in milliseconds");
    const input = readInput(line["input"]);
    return input.ok ? success({ type: "input", atMs: line["atMs"], input: input.value }) : input;
  }
  const { type, version, isRestart, tellsRoutes, seed } = line;
  if (type !== "start") return failure("", "the line is neither a start nor an input");
  if (version !== recordingVersion) {
    return failure("version", `is ${JSON.stringify(version)}`, `this program reads version ${recordingVersion}`);
  }
  if (!isBoolean(isRestart) || !isBoolean(tellsRoutes) || !isNumber(seed))
    return failure("", "the start is incomplete");
  return success(startLine({ isRestart, tellsRoutes, seed }));
}

/** Puts words in the place of passwords: the same for the same, so that a change of one is still a change. */
export class PasswordMask {
  readonly #wordByPassword = new Map<string, string>();

  mask(input: SpeakerInput): SpeakerInput {
    if (input.type !== "configure") return input;
    const { config } = input;
    const ranges = config.ranges?.map((range) => ({ ...range, session: this.#maskSession(range.session) }));
    const peers = config.peers.map((peer) => this.#maskSession(peer));
    return { ...input, config: { ...config, peers, ...(ranges === undefined ? {} : { ranges }) } };
  }

  #maskSession<T extends SessionConfig>(session: T): T {
    if (session.password === undefined) return session;
    let word = this.#wordByPassword.get(session.password);
    word ??= `password ${this.#wordByPassword.size + 1}`;
    this.#wordByPassword.set(session.password, word);
    return { ...session, password: word };
  }
}

function readInput(value: unknown): Result<SpeakerInput> {
  if (!isJsonObject(value)) return failure("input", "is no JSON object");
  const text = value["type"] === "bytes" ? value["bytes"] : undefined;
  const whole = typeof text === "string" ? { ...value, bytes: readHex(text) } : value;
  return isSpeakerInput(whole) ? success(whole) : failure("input", "is nothing that can happen to a speaker");
}

type Check = (value: unknown) => boolean;
type InputType = SpeakerInput["type"];

const checks: Readonly<Record<InputType, Readonly<Record<string, Check>>>> = {
  configure: { config: isSpeakerConfig },
  originate: { routes: isListOf(isOriginatedRoute) },
  connected: { connection: isText, localAddress: isAddressText },
  accepted: {
    connection: isText,
    localAddress: isAddressText,
    remoteAddress: isAddressText,
    linkName: isOptional(isText),
  },
  closed: { connection: isText, reason: isText },
  bytes: { connection: isText, bytes: (value) => value instanceof Uint8Array },
  blocked: { connection: isText },
  drained: { connection: isText },
  timer: { timer: isText },
  bfd: { peer: isText, isUp: isBoolean, isOff: isOptional(isBoolean) },
  refresh: { peer: isText },
  nextHops: { costs: isListOf(isCost) },
  turn: {},
  stop: { reason: (value) => value === "restart" || value === "shutDown", text: isOptional(isText) },
};

function isSpeakerInput(value: Readonly<Record<string, unknown>>): value is SpeakerInput {
  const { type } = value;
  return isInputType(type) && Object.entries(checks[type]).every(([name, check]) => check(value[name]));
}

function isInputType(type: unknown): type is InputType {
  return typeof type === "string" && Object.hasOwn(checks, type);
}

/** What the core leans on from its first step. The rest is the recording program's word. */
function isSpeakerConfig(value: unknown): value is SpeakerConfig {
  if (!isJsonObject(value)) return false;
  const { localAs, routerId, listenPort, restartTimeSeconds, exportWithin, peers, ranges } = value;
  return (
    [localAs, listenPort, restartTimeSeconds].every(isNumber) &&
    isAddressText(routerId) &&
    (exportWithin === "all" || isListOf(isCidrText)(exportWithin)) &&
    isListOf(isPeerConfig)(peers) &&
    isOptional(isListOf(isPeerRange))(ranges)
  );
}

function isPeerConfig(value: unknown): value is PeerConfig {
  return (
    isSessionConfig(value) &&
    "name" in value &&
    isText(value.name) &&
    "address" in value &&
    isAddressText(value.address)
  );
}

function isPeerRange(value: unknown): value is PeerRange {
  if (!isJsonObject(value)) return false;
  const { name, prefix, session, maxPeers } = value;
  return isText(name) && isCidrText(prefix) && isSessionConfig(session) && isNumber(maxPeers);
}

function isSessionConfig(value: unknown): value is SessionConfig {
  if (!isJsonObject(value)) return false;
  const { type, port, asNumber, isPassive, families, nextHopMode } = value;
  const isAs = isNumber(asNumber) || asNumber === "internal" || asNumber === "external";
  return (
    [type, nextHopMode].every(isText) && isNumber(port) && isAs && isBoolean(isPassive) && isListOf(isText)(families)
  );
}

function isOriginatedRoute(value: unknown): value is OriginatedRoute {
  return isJsonObject(value) && isCidrText(value["prefix"]) && isNumber(value["localPref"]);
}

function isCost(value: unknown): boolean {
  return isJsonObject(value) && isAddressText(value["nextHop"]) && isOptional(isNumber)(value["cost"]);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === "boolean";
}

function isNumber(value: unknown): value is number {
  return typeof value === "number";
}

function isAddressText(value: unknown): boolean {
  return isText(value) && isAddress(value);
}

function isCidrText(value: unknown): boolean {
  return isText(value) && parseCidr(value) === value;
}

function isListOf(check: Check): Check {
  return (value) => Array.isArray(value) && value.every(check);
}

function isOptional(check: Check): Check {
  return (value) => value === undefined || check(value);
}

function readHex(text: string): Uint8Array | undefined {
  return /^([0-9a-f]{2})*$/.test(text) ? Uint8Array.fromHex(text) : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
