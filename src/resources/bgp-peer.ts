import { z } from "zod";
import { type IpAddress, addressVersion, parseAddress } from "../lib/index.ts";
import { asNumber, isNoAsNumber } from "./as-number.ts";
import { Complaint, show } from "./complaint.ts";
import { duration } from "./duration.ts";
import { defineKind, resourceSchema } from "./kind-definition.ts";
import { address, reference } from "./network-fields.ts";
import type { ObjectMeta } from "./object-meta.ts";
import { isPortNumber } from "./port.ts";
import { convert, integer, isBlank, isEmptyList, isFalse, list, object, optional, refine } from "./schema.ts";
import { type PasswordRef, passwordRef } from "./secret-key.ts";
import { anySelector } from "./selector-fields.ts";

export type BGPPeerSpec = {
  /** Exclusive with `nodeSelector`; neither: every node. */
  readonly node?: string;
  readonly nodeSelector?: string;
  /** Canonical address, with a port as `192.0.2.1:1179` or `[2001:db8::1]:1179` where one is written; see `readPeerAddress`. */
  readonly peerIP?: string;
  /** Exclusive with `peerIP`: every node that matches. */
  readonly peerSelector?: string;
  /** Exclusive with both: every workload of the node that matches. */
  readonly localWorkloadSelector?: string;
  /** 1..4294967295 */
  readonly asNumber?: number;
  /** Absent: the node's own. */
  readonly localASNumber?: number;
  /** Absent: UseNodeIP. */
  readonly sourceAddress?: "UseNodeIP" | "None";
  /** Deprecated; `nextHopMode` says the same. */
  readonly keepOriginalNextHop?: boolean;
  /** Absent: Auto. */
  readonly nextHopMode?: "Auto" | "Self" | "Keep";
  readonly password?: PasswordRef;
  /** Graceful restart time; see `readDuration`. */
  readonly maxRestartTime?: string;
  /** See `readDuration`. */
  readonly keepaliveTime?: string;
  /** How often the own AS number may stand in a path. */
  readonly numAllowedLocalASNumbers?: number;
  /** Hops, 0..255; 0 and absent: off. */
  readonly ttlSecurity?: number;
  /** Gateway towards `peerIP`. */
  readonly reachableBy?: IpAddress;
  /** Names of BGPFilters, in the order in which they are asked. */
  readonly filters?: readonly string[];
  /** Absent: Auto, a session back from each node that is peered with. */
  readonly reversePeering?: "Auto" | "Manual";
};

export type BGPPeer = {
  readonly apiVersion: "projectcalico.org/v3";
  readonly kind: "BGPPeer";
  readonly metadata: ObjectMeta;
  readonly spec: BGPPeerSpec;
};

/** Reads an address with or without a port; an IPv6 address stands in brackets before a port. Undefined when it is neither. */
export function readPeerAddress(text: string): { readonly address: IpAddress; readonly port?: number } | undefined {
  const bare = parseAddress(text);
  if (bare !== undefined) return { address: bare };
  const [, bracketed, plain, digits] = /^(?:\[([^\]]*:[^\]]*)\]|([^:]*)):([0-9]{1,5})$/.exec(text) ?? [];
  const address = parseAddress(bracketed ?? plain ?? "");
  const port = Number(digits);
  return address !== undefined && isPortNumber(port) ? { address, port } : undefined;
}

const peerAddress = convert(z.string(), (text): string | Complaint => {
  const read = readPeerAddress(text);
  if (read === undefined) {
    const hint = "write it like 192.0.2.1, 192.0.2.1:179, 2001:db8::1 or [2001:db8::1]:179";
    return new Complaint(`${show(text)} is no address of a peer`, hint);
  }
  if (read.port === undefined) return read.address;
  return read.address.includes(":") ? `[${read.address}]:${read.port}` : `${read.address}:${read.port}`;
});

const members = object({
  node: optional(reference, isBlank),
  nodeSelector: optional(anySelector, isBlank),
  peerIP: optional(peerAddress, isBlank),
  peerSelector: optional(anySelector, isBlank),
  localWorkloadSelector: optional(anySelector, isBlank),
  asNumber: optional(asNumber, isNoAsNumber),
  localASNumber: optional(asNumber),
  sourceAddress: optional(z.enum(["UseNodeIP", "None"]), isBlank),
  keepOriginalNextHop: optional(z.boolean(), isFalse),
  nextHopMode: optional(z.enum(["Auto", "Self", "Keep"])),
  password: optional(passwordRef),
  maxRestartTime: optional(duration),
  keepaliveTime: optional(duration),
  numAllowedLocalASNumbers: optional(integer(-(2 ** 31), 2 ** 31 - 1)),
  ttlSecurity: optional(integer(0, 255)),
  reachableBy: optional(address(), isBlank),
  filters: optional(list(reference), isEmptyList),
  reversePeering: optional(z.enum(["Auto", "Manual"])),
});

const exclusions: readonly (readonly [member: keyof BGPPeerSpec, other: keyof BGPPeerSpec])[] = [
  ["node", "nodeSelector"],
  ["peerIP", "peerSelector"],
  ["peerIP", "localWorkloadSelector"],
  ["peerSelector", "localWorkloadSelector"],
  ["asNumber", "peerSelector"],
];

function check(spec: BGPPeerSpec): Complaint[] {
  const complaints = exclusions
    .filter(([member, other]) => spec[member] !== undefined && spec[other] !== undefined)
    .map(([member, other]) => new Complaint(`excludes ${other}`, "give one of the two", [member]));
  const { localWorkloadSelector, asNumber, keepOriginalNextHop, nextHopMode, reachableBy } = spec;
  if (localWorkloadSelector !== undefined && asNumber === undefined) {
    complaints.push(new Complaint("is missing", "local workloads do not say their AS number: give it", ["asNumber"]));
  }
  if (keepOriginalNextHop === true && nextHopMode !== undefined) {
    complaints.push(new Complaint("excludes nextHopMode", "write nextHopMode: Keep instead", ["keepOriginalNextHop"]));
  }
  return reachableBy === undefined ? complaints : [...complaints, ...checkGateway(reachableBy, spec.peerIP)];
}

function checkGateway(gateway: IpAddress, peerIP: string | undefined): Complaint[] {
  const path = ["reachableBy"];
  const peer = peerIP === undefined ? undefined : readPeerAddress(peerIP);
  if (peer === undefined) return [new Complaint("needs peerIP", "give peerIP, or remove it", path)];
  if (addressVersion(peer.address) === addressVersion(gateway)) return [];
  return [new Complaint(`must be of the IP version of ${peer.address}`, "", path)];
}

const schema: z.ZodType<BGPPeer> = resourceSchema(
  { apiVersion: "projectcalico.org/v3", kind: "BGPPeer", isNamespaced: false },
  { spec: refine(members, check) },
);

export const bgpPeer = defineKind({
  kind: "BGPPeer",
  plural: "bgppeers",
  singular: "bgppeer",
  isNamespaced: false,
  schema,
  columns: {
    Peer: ({ spec }) => spec.peerIP ?? spec.peerSelector ?? spec.localWorkloadSelector ?? "",
    Node: ({ spec }) => spec.node ?? spec.nodeSelector ?? "every node",
    AS: ({ spec }) => String(spec.asNumber ?? ""),
  },
  example: {
    apiVersion: "projectcalico.org/v3",
    kind: "BGPPeer",
    metadata: { name: "rack-1-tor" },
    spec: { nodeSelector: "rack == 'r1'", peerIP: "192.0.2.1", asNumber: 64601 },
  },
});
