import { z } from "zod";
import type { Cidr, IpAddress } from "../lib/index.ts";
import { asNumber, isNoAsNumber } from "./as-number.ts";
import { Complaint } from "./complaint.ts";
import { defineKind, resourceSchema } from "./kind-definition.ts";
import { address, cidr, interfaceAddress, mac, reference } from "./network-fields.ts";
import type { ObjectMeta } from "./object-meta.ts";
import { isBlank, isEmptyList, object, optional, refine, required } from "./schema.ts";

export type NodeBgp = {
  /** 1..4294967295; absent: that of BGPConfiguration `default`. */
  readonly asNumber?: number;
  /** Address with the length of its subnet, such as `192.0.2.10/24`; see `readInterfaceAddress`. */
  readonly ipv4Address?: string;
  /** As `ipv4Address`. */
  readonly ipv6Address?: string;
  /** No effect: there are no tunnels. */
  readonly ipv4IPIPTunnelAddr?: IpAddress;
  /** Makes the node a route reflector of this cluster. */
  readonly routeReflectorClusterID?: IpAddress;
};

export type NodeAddress = {
  readonly address: Cidr;
  readonly type?: "CalicoNodeIP" | "InternalIP" | "ExternalIP";
};

/** Only `bgp` and `addresses` have an effect. */
export type NodeSpec = {
  readonly bgp?: NodeBgp;
  readonly addresses?: readonly NodeAddress[];
  readonly interfaces?: readonly { readonly name?: string; readonly addresses?: readonly string[] }[];
  readonly orchRefs?: readonly { readonly nodeName?: string; readonly orchestrator?: string }[];
  readonly ipv4VXLANTunnelAddr?: IpAddress;
  readonly ipv6VXLANTunnelAddr?: IpAddress;
  readonly vxlanTunnelMACAddr?: string;
  readonly vxlanTunnelMACAddrV6?: string;
  readonly wireguard?: { readonly interfaceIPv4Address?: IpAddress; readonly interfaceIPv6Address?: IpAddress };
};

/** A host. Its labels drive every nodeSelector. */
export type Node = {
  readonly apiVersion: "projectcalico.org/v3";
  readonly kind: "Node";
  readonly metadata: ObjectMeta;
  readonly spec: NodeSpec;
  readonly status?: { readonly podCIDRs?: readonly string[] };
};

const bgp = refine(
  object({
    asNumber: optional(asNumber),
    ipv4Address: optional(interfaceAddress(4), isBlank),
    ipv6Address: optional(interfaceAddress(6), isBlank),
    ipv4IPIPTunnelAddr: optional(address(4), isBlank),
    routeReflectorClusterID: optional(address(4), isBlank),
  }),
  (value) =>
    Object.keys(value).length === 0 ? new Complaint("is empty", "give ipv4Address, or remove bgp") : undefined,
);

const spec = object({
  bgp: optional(bgp),
  addresses: optional(
    z.array(
      object({
        address: required(cidr({ bare: true }), isBlank),
        type: optional(z.enum(["CalicoNodeIP", "InternalIP", "ExternalIP"]), isBlank),
      }),
    ),
    isEmptyList,
  ),
  interfaces: optional(
    z.array(object({ name: optional(z.string(), isBlank), addresses: optional(z.array(z.string()), isEmptyList) })),
    isEmptyList,
  ),
  orchRefs: optional(
    z.array(object({ nodeName: optional(reference, isBlank), orchestrator: optional(z.string(), isBlank) })),
    isEmptyList,
  ),
  ipv4VXLANTunnelAddr: optional(address(4), isBlank),
  ipv6VXLANTunnelAddr: optional(address(6), isBlank),
  vxlanTunnelMACAddr: optional(mac, isBlank),
  vxlanTunnelMACAddrV6: optional(mac, isBlank),
  wireguard: optional(
    object({
      interfaceIPv4Address: optional(address(4), isBlank),
      interfaceIPv6Address: optional(address(6), isBlank),
    }),
  ),
});

/** AS number 0 means none. It still counts as a member of `bgp`, which therefore goes as a whole when nothing else is in it. */
function dropNoAsNumber({ bgp, ...rest }: z.output<typeof spec>): NodeSpec {
  if (bgp === undefined) return rest;
  const { asNumber, ...others } = bgp;
  if (!isNoAsNumber(asNumber)) return { ...rest, bgp };
  return Object.keys(others).length === 0 ? rest : { ...rest, bgp: others };
}

const schema: z.ZodType<Node> = resourceSchema(
  { apiVersion: "projectcalico.org/v3", kind: "Node", isNamespaced: false },
  {
    spec: spec.transform(dropNoAsNumber),
    status: optional(object({ podCIDRs: optional(z.array(z.string()), isEmptyList) })),
  },
);

export const node = defineKind({
  kind: "Node",
  plural: "nodes",
  singular: "node",
  shortNames: ["no"],
  isNamespaced: false,
  schema,
  columns: {
    AS: ({ spec }) => (spec.bgp?.asNumber === undefined ? "default" : String(spec.bgp.asNumber)),
    IPv4: ({ spec }) => spec.bgp?.ipv4Address ?? "",
    IPv6: ({ spec }) => spec.bgp?.ipv6Address ?? "",
  },
  example: {
    apiVersion: "projectcalico.org/v3",
    kind: "Node",
    metadata: { name: "host-1", labels: { rack: "r1" } },
    spec: { bgp: { ipv4Address: "192.0.2.11/24", ipv6Address: "2001:db8::11/64" } },
  },
});
