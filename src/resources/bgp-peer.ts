import { z } from "zod";
import { type IpAddress, parseAddress } from "../lib/index.ts";
import { asNumber, isNoAsNumber } from "./as-number.ts";
import { Complaint, show } from "./complaint.ts";
import { defineKind, resourceSchema } from "./kind-definition.ts";
import { reference } from "./network-fields.ts";
import type { ObjectMeta } from "./object-meta.ts";
import { isPortNumber } from "./port.ts";
import { convert, isBlank, object, optional, refine, unsupported } from "./schema.ts";
import { anySelector } from "./selector-fields.ts";

export type BGPPeerSpec = {
  /** Exclusive with `nodeSelector`; neither: every node. */
  readonly node?: string;
  readonly nodeSelector?: string;
  /** Canonical address, with a port as `192.0.2.1:1179` or `[2001:db8::1]:1179` where one is written; see `readPeerAddress`. */
  readonly peerIP?: string;
  /** 1..4294967295 */
  readonly asNumber?: number;
  /** Absent: UseNodeIP. */
  readonly sourceAddress?: "UseNodeIP" | "None";
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

const spec = refine(
  object({
    node: optional(reference, isBlank),
    nodeSelector: optional(anySelector, isBlank),
    peerIP: optional(peerAddress, isBlank),
    asNumber: optional(asNumber, isNoAsNumber),
    sourceAddress: optional(z.enum(["UseNodeIP", "None"]), isBlank),
    peerSelector: unsupported("give peerIP"),
    localWorkloadSelector: unsupported("give peerIP"),
    localASNumber: unsupported(),
    keepOriginalNextHop: unsupported(),
    nextHopMode: unsupported("write Auto", ["Auto"]),
    password: unsupported("a session would come up without it"),
    maxRestartTime: unsupported(),
    keepaliveTime: unsupported(),
    numAllowedLocalASNumbers: unsupported(),
    ttlSecurity: unsupported(),
    reachableBy: unsupported(),
    filters: unsupported("the session would pass every route"),
    reversePeering: unsupported("write Auto", ["Auto"]),
  }),
  ({ node, nodeSelector }) => {
    if (node === undefined || nodeSelector === undefined) return undefined;
    return new Complaint("excludes nodeSelector", "give one of the two", ["node"]);
  },
);

const schema: z.ZodType<BGPPeer> = resourceSchema(
  { apiVersion: "projectcalico.org/v3", kind: "BGPPeer", isNamespaced: false },
  { spec },
);

export const bgpPeer = defineKind({
  kind: "BGPPeer",
  plural: "bgppeers",
  singular: "bgppeer",
  isNamespaced: false,
  schema,
  columns: {
    PeerIP: ({ spec }) => spec.peerIP ?? "",
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
