import { type Command, InvalidArgumentError, Option } from "commander";
import {
  type Cidr,
  type IpAddress,
  type Result,
  addressVersion,
  formatProblem,
  parseAddress,
  parseCidr,
} from "../lib/index.ts";
import type { ReflectorSettings, ReflectorSource, SessionSettings } from "../reflector/index.ts";
import { BadInput } from "./failure.ts";
import { type LogFormat, type LogLevel, untilStopped, withLogFormat, withLogLevel } from "./long-running.ts";
import { readText, targetOf } from "./server-target.ts";

const usualSocket = "/run/tortie/reflector.sock";

/** Flags that say what a file or the cluster's resources say as well. */
type SettingFlags = {
  readonly listen?: readonly string[];
  readonly as?: number;
  readonly routerId?: IpAddress;
  readonly clients?: readonly Cidr[];
  readonly clusterId?: IpAddress;
  readonly holdTime?: number;
  readonly restartTime?: number;
  readonly staleTime?: number;
  readonly passwordFile?: string;
  readonly maxClients?: number;
  readonly maxPrefixes?: number;
  readonly addPath?: number;
  readonly ttlSecurity?: number;
};

const settingFlags: readonly (keyof SettingFlags)[] = [
  "listen",
  "as",
  "routerId",
  "clients",
  "clusterId",
  "holdTime",
  "restartTime",
  "staleTime",
  "passwordFile",
  "maxClients",
  "maxPrefixes",
  "addPath",
  "ttlSecurity",
];

type ReflectorFlags = SettingFlags & {
  readonly config?: string;
  readonly node?: string;
  readonly socket?: string;
  readonly record?: string;
  readonly shutdownText?: string;
  readonly logLevel: LogLevel;
  readonly logFormat?: LogFormat;
};

/** reflector: a BGP route reflector, set up by flags, by a file, or by the cluster's resources. */
export function addReflectorCommand(program: Command): void {
  const command = program
    .command("reflector")
    .description("reflect routes between BGP clients: set up by --clients and so on, by --config, or by --node");
  addSettingFlags(command);
  withLogFormat(withLogLevel(command))
    .option("--config <file>", "a YAML file in place of the flags above; read again when it changes, and on SIGHUP")
    .option("--node <name>", "take everything from the cluster's resources, as this Node; see --server")
    .option("--socket <path>", `control socket, for tortie bgp (default: ${usualSocket})`)
    .option("--record <file>", "write down all that happens, for tortie replay")
    .addOption(
      new Option(
        "--shutdown-text <text>",
        "leave for good when stopped, and tell the peers so (without: they keep our routes for the restart time)",
      ),
    )
    .action((flags: ReflectorFlags, command: Command) => startReflector(flags, command));
}

function addSettingFlags(command: Command): void {
  command
    .option(
      "--listen <address:port...>",
      "where clients connect to: 192.0.2.1:179, [2001:db8::1]:179, [::]:179 for all",
    )
    .option("--as <number>", "AS number, ours and the clients'", readNumber(1, 2 ** 32 - 1))
    .option("--router-id <address>", "an IPv4 address that no other speaker has as its router id", readRouterId)
    .option("--clients <prefix...>", "whoever connects from inside is a client", collectPrefix)
    .option(
      "--cluster-id <address>",
      "the same for reflectors with the same clients (default: the router id)",
      readRouterId,
    )
    .option("--hold-time <seconds>", "0 for never, or 3 to 65535 (default: 90)", readHoldTime)
    .option(
      "--restart-time <seconds>",
      "how long clients keep routes while this is away (default: 120)",
      readNumber(0, 4095),
    )
    .option("--stale-time <seconds>", "how much longer, as a last resort (default: 0)", readNumber(0, 16_777_215))
    .option("--password-file <file>", "holds the password of all clients, for TCP's MD5 signatures")
    .option("--max-clients <number>", "at a time, for each prefix (default: 10000)", readNumber(1, 100_000))
    .option(
      "--max-prefixes <number>",
      "of one family that end a client's session (default: no limit)",
      readNumber(1, 2 ** 31 - 1),
    )
    .option(
      "--add-path <number>",
      "paths told a prefix, to clients that can hear several (default: 1)",
      readNumber(1, 255),
    )
    .option(
      "--ttl-security <hops>",
      "clients are at most so many hops away (default: not looked at)",
      readNumber(1, 254),
    );
}

async function startReflector(flags: ReflectorFlags, command: Command): Promise<void> {
  const { config, node, socket, record, shutdownText } = flags;
  checkText(shutdownText);
  const { createLogger } = await import("../sys/index.ts");
  const { logLevel: level, logFormat: format } = flags;
  const log = createLogger({ level, ...(format === undefined ? {} : { format }) });
  const random = Math.random;
  const { fileSource, apiSource, flagSource, runReflector } = await import("../reflector/index.ts");
  const source = await (async (): Promise<ReflectorSource> => {
    refuseMixture(flags, command);
    if (config !== undefined) return fileSource(config, log);
    if (node !== undefined) return apiSource({ node, target: await targetOf(command), log, random });
    return flagSource(await settingsOf(flags));
  })();
  await runReflector({
    source,
    socket: { path: socket ?? usualSocket, isRequired: socket !== undefined },
    recordPath: record,
    shutdownText,
    log,
    random,
    signal: untilStopped(),
  });
}

/** One way to be set up, and only one. */
function refuseMixture(flags: ReflectorFlags, command: Command): void {
  const { config, node } = flags;
  if (config !== undefined && node !== undefined)
    throw new BadInput(["--config and --node exclude each other: give one of the two"]);
  const way = config === undefined ? (node === undefined ? undefined : "--node") : "--config";
  if (way === undefined) return;
  const extra = settingFlags.find((name) => flags[name] !== undefined);
  if (extra === undefined) return;
  const long = command.options.find((option) => option.attributeName() === extra)?.long ?? extra;
  const place = way === "--config" ? "write it in the file" : "the cluster's resources say it";
  throw new BadInput([`${long} does not go with ${way}: ${place}`]);
}

async function settingsOf(flags: SettingFlags): Promise<ReflectorSettings> {
  const { defaults, parseListen } = await import("../reflector/index.ts");
  const { listen, as, routerId, clients = [], clusterId } = flags;
  if (listen === undefined || as === undefined || routerId === undefined || clients.length === 0) {
    throw new BadInput([`${missing(flags)}; or give --config FILE, or --node NAME`]);
  }
  const session = await sessionOf(flags);
  return {
    asNumber: as,
    routerId,
    clusterId: clusterId ?? routerId,
    listen: unwrap(parseListen(listen, "--listen")),
    clients: clients.map((prefix, at) => ({
      ...session,
      name: clients.length === 1 ? "clients" : `clients-${at + 1}`,
      prefix,
      maxClients: flags.maxClients ?? defaults.maxClients,
    })),
    peers: [],
  };
}

function missing({ listen, as, routerId, clients }: SettingFlags): string {
  if (listen === undefined) return "--listen is missing: give --listen ADDRESS:PORT";
  if (as === undefined) return "--as is missing: give --as NUMBER, the AS number of the clients";
  if (routerId === undefined) return "--router-id is missing: give --router-id A.B.C.D, an address of this host";
  return `--clients ${clients === undefined ? "is missing" : "names no prefix"}: give --clients PREFIX, such as 10.0.0.0/8`;
}

async function sessionOf(flags: SettingFlags): Promise<SessionSettings> {
  const { defaults, readPassword } = await import("../reflector/index.ts");
  const { holdTime, restartTime, staleTime, passwordFile, maxPrefixes, addPath, ttlSecurity } = flags;
  return {
    restartTimeSeconds: restartTime ?? defaults.restartTimeSeconds,
    ...(holdTime === undefined ? {} : { holdTimeSeconds: holdTime }),
    ...(staleTime === undefined ? {} : { longLivedStaleSeconds: staleTime }),
    ...(passwordFile === undefined
      ? {}
      : { password: unwrap(readPassword(readText(passwordFile), `--password-file ${passwordFile}`)) }),
    ...(maxPrefixes === undefined ? {} : { maxPrefixes }),
    ...(addPath === undefined ? {} : { addPath }),
    ...(ttlSecurity === undefined ? {} : { ttlSecurityHops: ttlSecurity }),
  };
}

function unwrap<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new BadInput(result.problems.map(formatProblem));
}

/** RFC 9003 leaves 255 octets. */
function checkText(text: string | undefined): void {
  const sizeBytes = Buffer.byteLength(text ?? "");
  if (sizeBytes > 255) throw new BadInput([`--shutdown-text has ${sizeBytes} octets: use at most 255`]);
}

function readNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^[0-9]+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`write a number from ${least} to ${most}`);
  };
}

function readHoldTime(text: string): number {
  return text === "0" ? 0 : readNumber(3, 65_535)(text);
}

function readRouterId(text: string): IpAddress {
  const address = parseAddress(text);
  if (address !== undefined && addressVersion(address) === 4 && address !== "0.0.0.0") return address;
  throw new InvalidArgumentError("write an IPv4 address, other than 0.0.0.0");
}

function collectPrefix(text: string, before: readonly Cidr[] = []): readonly Cidr[] {
  const prefix = parseCidr(text);
  if (prefix === undefined) {
    const near = parseCidr(text, { bare: true, hostBits: true });
    throw new InvalidArgumentError(
      near === undefined ? "write a prefix such as 10.0.0.0/8 or 2001:db8::/32" : `write ${near}`,
    );
  }
  if (before.includes(prefix)) throw new InvalidArgumentError(`${prefix} is there twice`);
  return [...before, prefix];
}
