import { z } from "zod";
import { type Family, allFamilies } from "../bgp/index.ts";
import { addressVersion, cidrVersion } from "../lib/index.ts";
import {
  Complaint,
  address,
  asNumber,
  cidr,
  community,
  convert,
  decodeWith,
  duration,
  integer,
  list,
  object,
  optional,
  readDuration,
  refine,
  textOf,
} from "../resources/index.ts";
import { type Listen, parseListen } from "./listen.ts";

/** What a reflector's file may say; reflector-file.ts makes settings of it. */
export type FileContent = z.output<typeof fileSchema>;
export type FileSession = z.output<ReturnType<typeof object<typeof session>>>;
export type FilePolicy = NonNullable<FileContent["policies"]>[number];

const name = textOf(
  (text) => /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/.test(text),
  "a name",
  "1 to 63 letters, digits and . - _, letters or digits at both ends",
);

const linkName = textOf(
  (text) => /^[A-Za-z0-9._-]{1,15}$/.test(text),
  "the name of a link",
  "write it as `ip link` shows it, such as eth0",
);

/** A duration in whole seconds of this range, or 0 where `canBeOff`. */
function seconds(least: number, most: number, canBeOff = false) {
  return convert(duration, (text): number | Complaint => {
    const value = readDuration(text) ?? 0;
    if (Number.isInteger(value) && ((value >= least && value <= most) || (canBeOff && value === 0))) return value;
    const off = canBeOff ? ", or 0s for none" : "";
    return new Complaint(`${text} is not in whole seconds from ${least}s to ${most}s${off}`);
  });
}

/** A duration in whole milliseconds of this range. */
function milliseconds(least: number, most: number) {
  return convert(duration, (text): number | Complaint => {
    const value = Math.round((readDuration(text) ?? 0) * 1000);
    if (value >= least && value <= most) return value;
    return new Complaint(`${text} is not from ${least}ms to ${most}ms`);
  });
}

const familyNames: Readonly<Record<string, Family>> = { ipv4: "ipv4-unicast", ipv6: "ipv6-unicast" };

const families = convert(list(z.enum(["ipv4", "ipv6"]), { isSet: true }), (names): readonly Family[] | Complaint => {
  if (names.length === 0) return new Complaint("names no family", "leave it out for both");
  return allFamilies.filter((family) => names.some((one) => familyNames[one] === family));
});

const bfd = object({
  interval: optional(milliseconds(10, 60_000)),
  multiplier: optional(integer(1, 255)),
  multihop: optional(z.boolean()),
});

const session = {
  families: optional(families),
  holdTime: optional(seconds(3, 65_535, true)),
  restartTime: optional(seconds(0, 4_095)),
  longLivedStaleTime: optional(seconds(0, 16_777_215)),
  addPath: optional(integer(1, 255)),
  passwordFile: optional(z.string()),
  ttlSecurity: optional(integer(1, 254)),
  maxPrefixes: optional(integer(1, 2 ** 31 - 1)),
  bfd: optional(bfd),
  import: optional(name),
  export: optional(name),
};

const client = object({
  name,
  prefix: cidr({}),
  link: optional(linkName),
  max: optional(integer(1, 100_000)),
  ...session,
});

const peerAs = convert(z.unknown(), (value): number | "internal" | "external" | Complaint => {
  if (value === "internal" || value === "external") return value;
  const read = asNumber.safeParse(value);
  if (read.success && read.data !== 0) return read.data;
  return new Complaint("is no AS number", "write internal, external, or a number from 1 to 4294967295");
});

const peer = refine(
  object({
    name,
    address: address(),
    port: optional(integer(1, 65_535)),
    link: optional(linkName),
    localAddress: optional(address()),
    asNumber: optional(peerAs),
    client: optional(z.boolean()),
    passive: optional(z.boolean()),
    nextHop: optional(z.enum(["auto", "self", "keep"])),
    ...session,
  }),
  (value) => {
    if (value.localAddress === undefined || addressVersion(value.localAddress) === addressVersion(value.address))
      return undefined;
    return new Complaint(`must be of the IP version of ${value.address}`, "", ["localAddress"]);
  },
);

const prefixMatch = refine(
  object({ prefix: cidr({}), from: optional(integer(0, 128)), to: optional(integer(0, 128)) }),
  ({ prefix, from, to }) => {
    const most = cidrVersion(prefix) === 4 ? 32 : 128;
    if ((from ?? 0) > most) return new Complaint(`${from} is longer than an address`, `give at most ${most}`, ["from"]);
    if ((to ?? 0) > most) return new Complaint(`${to} is longer than an address`, `give at most ${most}`, ["to"]);
    if (from === undefined || to === undefined || from <= to) return undefined;
    return new Complaint(`${to} is less than from`, "swap them", ["to"]);
  },
);

const asPath = list(asNumber, { max: 64 });
const communities = list(community, { max: 64, isSet: true });
const unsigned = integer(0, 2 ** 32 - 1);

const rule = object({
  match: optional(
    object({
      prefixes: optional(list(prefixMatch)),
      communities: optional(communities),
      asPathPrefix: optional(asPath),
      internal: optional(z.boolean()),
    }),
  ),
  action: z.enum(["accept", "reject", "next"]),
  set: optional(
    object({
      localPref: optional(unsigned),
      med: optional(unsigned),
      addCommunities: optional(communities),
      removeCommunities: optional(communities),
      prepend: optional(asPath),
    }),
  ),
});

const policy = object({
  name,
  rules: list(rule, { max: 1_000 }),
  otherwise: optional(z.enum(["accept", "reject"])),
});

/** One place or a list of them. */
const listen = convert(z.unknown(), (places): Listen | Complaint => {
  if (places === undefined) return new Complaint("is missing", "write it like 192.0.2.1:179");
  const read = parseListen([places].flat().map(String), "");
  if (read.ok) return read.value;
  return new Complaint(read.problems[0]?.message ?? "", read.problems[0]?.hint);
});

const routerId = refine(address(4), (value) =>
  value === "0.0.0.0" ? new Complaint("must not be 0.0.0.0", "use an address of this host") : undefined,
);

const fileSchema = refine(
  object({
    asNumber: refine(asNumber, (value) => (value === 0 ? new Complaint("must not be 0") : undefined)),
    routerId,
    clusterId: optional(routerId),
    listen,
    reflectWithin: optional(list(cidr({}), { isSet: true })),
    defaults: optional(object(session)),
    clients: optional(list(client, { max: 1_000 })),
    peers: optional(list(peer, { max: 10_000 })),
    policies: optional(list(policy, { max: 1_000 })),
  }),
  checkFile,
);

/** Reads what YAML gave. */
export function decodeFile(json: unknown) {
  return decodeWith(fileSchema, json);
}

type Named = { readonly name: string };
type User = { readonly import?: string; readonly export?: string };

function checkFile({
  clients = [],
  peers = [],
  policies = [],
  defaults = {},
}: {
  readonly clients?: readonly (Named & User & { readonly prefix: string })[];
  readonly peers?: readonly (Named & User)[];
  readonly policies?: readonly Named[];
  readonly defaults?: User;
}): Complaint[] {
  const known = new Set(policies.map((one) => one.name));
  if (clients.length + peers.length === 0)
    return [new Complaint("is missing", "name the prefixes that clients connect from, or peers", ["clients"])];
  return [
    ...findTwins("policies", policies),
    ...findTwins("peers", peers),
    ...findTwins("clients", clients),
    ...findTwins(
      "clients",
      clients.map(({ prefix }) => ({ name: prefix })),
      "prefix",
    ),
    ...missingPolicies(defaults, ["defaults"], known),
    ...clients.flatMap((one, at) => missingPolicies(one, ["clients", at], known)),
    ...peers.flatMap((one, at) => missingPolicies(one, ["peers", at], known)),
  ];
}

function findTwins(member: string, all: readonly Named[], field = "name"): Complaint[] {
  const first = new Map<string, number>();
  return all.flatMap((one, at) => {
    const earlier = first.get(one.name);
    first.set(one.name, earlier ?? at);
    if (earlier === undefined) return [];
    return [new Complaint(`"${one.name}" is taken by ${member}[${earlier}]`, "give each its own", [member, at, field])];
  });
}

function missingPolicies(user: User, path: readonly (string | number)[], known: ReadonlySet<string>): Complaint[] {
  return (["import", "export"] as const).flatMap((direction) => {
    const wanted = user[direction];
    if (wanted === undefined || known.has(wanted)) return [];
    const advice = known.size === 0 ? "write it under policies" : `there are ${[...known].join(", ")}`;
    return [new Complaint(`there is no policy "${wanted}"`, advice, [...path, direction])];
  });
}
