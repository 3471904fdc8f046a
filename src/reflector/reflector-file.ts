import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { LineCounter, parseDocument } from "yaml";
import type { LargeCommunity, RoutePolicy, RouteMatch, RouteRule, RouteSet } from "../bgp/index.ts";
import { type Problem, TortieError, cidrLength, cidrVersion, formatProblem } from "../lib/index.ts";
import { type FileContent, type FilePolicy, type FileSession, decodeFile } from "./file-schema.ts";
import { type ReflectorSettings, type SessionSettings, defaults, readPassword } from "./settings.ts";

const usualBfd = { intervalMs: 300, multiplier: 3 } as const;

/** Reads a reflector's file, and the password files that it names. Throws TT_CONFIG that names the first mistake. */
export function readReflectorFile(path: string): ReflectorSettings {
  const decoded = decodeFile(parseYaml(path, readText(path)));
  if (!decoded.ok) throw mistake(path, decoded.problems);
  return new FileReader(path, decoded.value).settings();
}

/** One mistake is told in full; the rest is counted, since it often follows from the first. */
function mistake(path: string, problems: readonly Problem[]): TortieError {
  const [first, ...rest] = problems;
  const more = rest.length === 0 ? "" : `, and ${rest.length} more`;
  return new TortieError("TT_CONFIG", `${path}: ${first === undefined ? "" : formatProblem(first)}${more}`);
}

/** Makes settings of what the file says; what a client or peer does not say is taken from `defaults`. */
class FileReader {
  readonly #path: string;
  readonly #content: FileContent;
  readonly #policies: ReadonlyMap<string, RoutePolicy>;

  constructor(path: string, content: FileContent) {
    this.#path = path;
    this.#content = content;
    this.#policies = new Map((content.policies ?? []).map((policy) => [policy.name, readPolicy(policy)]));
  }

  settings(): ReflectorSettings {
    const { asNumber, routerId, clusterId = routerId, listen, reflectWithin, clients = [], peers = [] } = this.#content;
    return {
      asNumber,
      routerId,
      clusterId,
      listen,
      ...(reflectWithin === undefined ? {} : { reflectWithin }),
      clients: clients.map((client, at) => ({
        ...this.#session(client, `clients[${at}]`),
        name: client.name,
        prefix: client.prefix,
        ...(client.link === undefined ? {} : { linkName: client.link }),
        maxClients: client.max ?? defaults.maxClients,
      })),
      peers: peers.map((peer, at) => ({
        ...this.#session(peer, `peers[${at}]`),
        name: peer.name,
        address: peer.address,
        port: peer.port ?? defaults.port,
        ...(peer.link === undefined ? {} : { linkName: peer.link }),
        ...(peer.localAddress === undefined ? {} : { localAddress: peer.localAddress }),
        asNumber: peer.asNumber ?? "internal",
        isClient: peer.client ?? false,
        isPassive: peer.passive ?? false,
        ...(peer.nextHop === undefined ? {} : { nextHopMode: peer.nextHop }),
      })),
    };
  }

  #session(own: FileSession, place: string): SessionSettings {
    const said = { ...this.#content.defaults, ...own };
    const { families, holdTime, restartTime, longLivedStaleTime, addPath, ttlSecurity, maxPrefixes, bfd } = said;
    const importPolicy = said.import === undefined ? undefined : this.#policies.get(said.import);
    const exportPolicy = said.export === undefined ? undefined : this.#policies.get(said.export);
    return {
      restartTimeSeconds: restartTime ?? defaults.restartTimeSeconds,
      ...(families === undefined ? {} : { families }),
      ...(holdTime === undefined ? {} : { holdTimeSeconds: holdTime }),
      ...(longLivedStaleTime === undefined ? {} : { longLivedStaleSeconds: longLivedStaleTime }),
      ...(addPath === undefined ? {} : { addPath }),
      ...(said.passwordFile === undefined ? {} : { password: this.#password(said.passwordFile, own, place) }),
      ...(ttlSecurity === undefined ? {} : { ttlSecurityHops: ttlSecurity }),
      ...(maxPrefixes === undefined ? {} : { maxPrefixes }),
      ...(bfd === undefined ? {} : { bfd: readBfd(bfd) }),
      ...(importPolicy === undefined ? {} : { importPolicy }),
      ...(exportPolicy === undefined ? {} : { exportPolicy }),
    };
  }

  /** The file's name is relative to the file that names it. */
  #password(name: string, own: FileSession, place: string): string {
    const where = `${own.passwordFile === undefined ? "defaults" : place}.passwordFile`;
    const path = resolve(dirname(this.#path), name);
    const read = readPassword(readText(path, `${this.#path}: ${where}: `), where);
    if (!read.ok) throw mistake(this.#path, read.problems);
    return read.value;
  }
}

function readBfd({ interval, multiplier, multihop }: NonNullable<FileSession["bfd"]>) {
  const intervalMs = interval ?? usualBfd.intervalMs;
  return {
    minTxMs: intervalMs,
    minRxMs: intervalMs,
    multiplier: multiplier ?? usualBfd.multiplier,
    // Sessions within an AS cross routers more often than not.
    isMultihop: multihop ?? true,
  };
}

function readPolicy({ name, rules, otherwise }: FilePolicy): RoutePolicy {
  return { name, rules: rules.map(readRule), otherwise: otherwise ?? "reject" };
}

function readRule({ match, action, set }: FilePolicy["rules"][number]): RouteRule {
  return {
    match: match === undefined ? {} : readMatch(match),
    action,
    ...(set === undefined ? {} : { set: readSet(set) }),
  };
}

function readMatch(match: NonNullable<FilePolicy["rules"][number]["match"]>): RouteMatch {
  const { prefixes, asPathPrefix, internal } = match;
  const { standard, large } = splitCommunities(match.communities);
  return {
    ...(prefixes === undefined ? {} : { prefixes: prefixes.map(readPrefixMatch) }),
    ...(standard.length === 0 ? {} : { communities: standard }),
    ...(large.length === 0 ? {} : { largeCommunities: large }),
    ...(asPathPrefix === undefined ? {} : { asPathPrefix }),
    ...(internal === undefined ? {} : { isFromInternal: internal }),
  };
}

type PrefixMatch = NonNullable<RouteMatch["prefixes"]>[number];

/** Without `from` and `to`: this very prefix. With one of them: the other reaches as far as it can. */
function readPrefixMatch({
  prefix,
  from,
  to,
}: {
  prefix: PrefixMatch["prefix"];
  from?: number;
  to?: number;
}): PrefixMatch {
  const own = cidrLength(prefix);
  const longest = cidrVersion(prefix) === 4 ? 32 : 128;
  return { prefix, minLength: from ?? own, maxLength: to ?? (from === undefined ? own : longest) };
}

function readSet(set: NonNullable<FilePolicy["rules"][number]["set"]>): RouteSet {
  const added = splitCommunities(set.addCommunities);
  const removed = splitCommunities(set.removeCommunities);
  return {
    ...(set.localPref === undefined ? {} : { localPref: set.localPref }),
    ...(set.med === undefined ? {} : { med: set.med }),
    ...(added.standard.length === 0 ? {} : { addCommunities: added.standard }),
    ...(added.large.length === 0 ? {} : { addLargeCommunities: added.large }),
    ...(removed.standard.length === 0 ? {} : { removeCommunities: removed.standard }),
    ...(removed.large.length === 0 ? {} : { removeLargeCommunities: removed.large }),
    ...(set.prepend === undefined ? {} : { prepend: set.prepend }),
  };
}

/** `a:b` is one number, `a:b:c` three. */
function splitCommunities(texts: readonly string[] = []): { standard: number[]; large: LargeCommunity[] } {
  const standard: number[] = [];
  const large: LargeCommunity[] = [];
  for (const text of texts) {
    const [first = 0, second = 0, third] = text.split(":").map(Number);
    if (third === undefined) standard.push(first * 65_536 + second);
    else large.push([first, second, third]);
  }
  return { standard, large };
}

function readText(path: string, where = ""): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const reason = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw new TortieError("TT_CONFIG", `${where}${path} cannot be read (${reason})`, { cause });
  }
}

function parseYaml(path: string, text: string): unknown {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const [found] = document.errors;
  if (found === undefined) return document.toJS({ maxAliasCount: 100 });
  const { line, col } = lineCounter.linePos(found.pos[0]);
  const [what] = found.message.split("\n");
  throw new TortieError("TT_CONFIG", `${path}, line ${line}, column ${col}: not YAML: ${what}`, {
    hint: "mend the line",
  });
}
