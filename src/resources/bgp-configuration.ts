import { z } from "zod";
import type { Cidr, IpAddress } from "../lib/index.ts";
import { asNumber, isNoAsNumber } from "./as-number.ts";
import { routePriority } from "./bgp-filter.ts";
import { community, readCommunity } from "./community.ts";
import { Complaint, show } from "./complaint.ts";
import { duration } from "./duration.ts";
import { isInterfacePattern, isObjectName } from "./formats.ts";
import { defineKind, resourceSchema } from "./kind-definition.ts";
import { address, cidr, reference } from "./network-fields.ts";
import type { ObjectMeta } from "./object-meta.ts";
import { integer, isBlank, isEmptyList, isZero, list, object, optional, refine, required, textOf } from "./schema.ts";
import { type PasswordRef, passwordRef } from "./secret-key.ts";

/** Absent members count as `bgpDefaults`, and so does an absent object. "In default": in the object called so only. */
export type BGPConfigurationSpec = {
  /** 1..4294967295; in default. */
  readonly asNumber?: number;
  /** In default. */
  readonly nodeToNodeMeshEnabled?: boolean;
  /** 1..65535 */
  readonly listenPort?: number;
  /** How much Calico's speaker would log; no effect here. */
  readonly logSeverityScreen?: string;
  /** Ranges of service addresses to announce; in default. */
  readonly serviceClusterIPs?: readonly ServiceRange[];
  readonly serviceExternalIPs?: readonly ServiceRange[];
  readonly serviceLoadBalancerIPs?: readonly ServiceRange[];
  /** Absent: Enabled. */
  readonly serviceLoadBalancerAggregation?: "Enabled" | "Disabled";
  /** Names for communities, to be used in `prefixAdvertisements`. */
  readonly communities?: readonly { readonly name: string; readonly value: string }[];
  /** Routes inside `cidr` are announced with these communities, which are values or names. */
  readonly prefixAdvertisements?: readonly { readonly cidr: Cidr; readonly communities: readonly string[] }[];
  /** Of all sessions of the mesh; in default. */
  readonly nodeMeshPassword?: PasswordRef;
  /** See `readDuration`; in default. */
  readonly nodeMeshMaxRestartTime?: string;
  /** Absent: None, every address. */
  readonly bindMode?: "None" | "NodeIP";
  /** Patterns with `*`. */
  readonly ignoredInterfaces?: readonly string[];
  readonly localWorkloadPeeringIPV4?: IpAddress;
  readonly localWorkloadPeeringIPV6?: IpAddress;
  /** In default. */
  readonly programClusterRoutes?: "Disabled" | "Enabled" | "EnabledIPIPOnly" | "EnabledNoEncapOnly";
  readonly ipv4NormalRoutePriority?: number;
  readonly ipv6NormalRoutePriority?: number;
};

type ServiceRange = { readonly cidr: Cidr };

/** Named `default` or `node.<name>`, the latter for one node only. */
export type BGPConfiguration = {
  readonly apiVersion: "projectcalico.org/v3";
  readonly kind: "BGPConfiguration";
  readonly metadata: ObjectMeta;
  readonly spec: BGPConfigurationSpec;
};

export const bgpDefaults = { asNumber: 64512, nodeToNodeMeshEnabled: true, listenPort: 179 } as const;

const maxCommunities = 500;
const maxCommunitiesOfPrefix = 50;

const ignoredInterface = textOf(
  (text) => isInterfacePattern(text) && text !== "*",
  "a pattern of interface names",
  "1 to 15 letters, digits and . - _ *, and not * alone",
);

const isSeverity = (text: string) => /^(trace|debug|info|warning|error|fatal)$/i.test(text);

const serviceRanges = optional(list(object({ cidr: required(cidr({ bare: true }), isBlank) })), isEmptyList);

const spec = object({
  asNumber: optional(asNumber, isNoAsNumber),
  nodeToNodeMeshEnabled: optional(z.boolean()),
  listenPort: optional(integer(1, 65535), isZero),
  logSeverityScreen: optional(
    textOf(isSeverity, "a log severity", "write Trace, Debug, Info, Warning, Error or Fatal"),
    isBlank,
  ),
  serviceClusterIPs: serviceRanges,
  serviceExternalIPs: serviceRanges,
  serviceLoadBalancerIPs: serviceRanges,
  serviceLoadBalancerAggregation: optional(z.enum(["Enabled", "Disabled"])),
  communities: optional(
    list(object({ name: required(reference, isBlank), value: required(community, isBlank) }), { max: maxCommunities }),
    isEmptyList,
  ),
  prefixAdvertisements: optional(
    list(
      object({
        cidr: required(cidr({ bare: true }), isBlank),
        communities: required(list(z.string(), { max: maxCommunitiesOfPrefix }), isEmptyList),
      }),
      { max: maxCommunities },
    ),
    isEmptyList,
  ),
  nodeMeshPassword: optional(passwordRef),
  nodeMeshMaxRestartTime: optional(duration),
  bindMode: optional(z.enum(["None", "NodeIP"])),
  ignoredInterfaces: optional(list(ignoredInterface, { isSet: true }), isEmptyList),
  localWorkloadPeeringIPV4: optional(address(4), isBlank),
  localWorkloadPeeringIPV6: optional(address(6), isBlank),
  programClusterRoutes: optional(z.enum(["Disabled", "Enabled", "EnabledIPIPOnly", "EnabledNoEncapOnly"])),
  ipv4NormalRoutePriority: optional(routePriority),
  ipv6NormalRoutePriority: optional(routePriority),
});

const schema: z.ZodType<BGPConfiguration> = refine(
  resourceSchema(
    {
      apiVersion: "projectcalico.org/v3",
      kind: "BGPConfiguration",
      isNamespaced: false,
      name: { isValid: isConfigurationName, hint: "call it default, or node.NAME for one node" },
    },
    { spec: refine(spec, (value) => [...checkMesh(value), ...checkCommunities(value)]) },
  ),
  ({ metadata, spec }) =>
    membersOfDefault
      .filter((member) => metadata.name !== "default" && spec[member] !== undefined)
      .map(
        (member) => new Complaint("belongs in the BGPConfiguration called default", "move it there", ["spec", member]),
      ),
);

const membersOfDefault = [
  "asNumber",
  "nodeToNodeMeshEnabled",
  "serviceClusterIPs",
  "serviceExternalIPs",
  "serviceLoadBalancerIPs",
  "nodeMeshPassword",
  "nodeMeshMaxRestartTime",
  "programClusterRoutes",
] as const;

function checkMesh(spec: BGPConfigurationSpec): Complaint[] {
  if (spec.nodeToNodeMeshEnabled !== false) return [];
  return (["nodeMeshPassword", "nodeMeshMaxRestartTime"] as const)
    .filter((member) => spec[member] !== undefined)
    .map((member) => new Complaint("needs the mesh, which is off", "remove it", [member]));
}

function checkCommunities({ communities = [], prefixAdvertisements = [] }: BGPConfigurationSpec): Complaint[] {
  if (communities.length > 0 && prefixAdvertisements.length === 0) {
    return [new Complaint("are used by no prefixAdvertisement", "add prefixAdvertisements", ["communities"])];
  }
  const names = new Set(communities.map(({ name }) => name));
  return prefixAdvertisements.flatMap((advert, at) =>
    advert.communities.flatMap((text, place) => {
      if (names.has(text) || readCommunity(text) !== undefined) return [];
      const hint = "write one such as 64512:100 or 64512:1:2, or the name of an entry of communities";
      const path = ["prefixAdvertisements", at, "communities", place];
      return new Complaint(`${show(text)} is neither a community nor the name of one`, hint, path);
    }),
  );
}

function isConfigurationName(name: string): boolean {
  return isObjectName(name) && (name === "default" || name.startsWith("node."));
}

export const bgpConfiguration = defineKind({
  kind: "BGPConfiguration",
  plural: "bgpconfigurations",
  singular: "bgpconfiguration",
  shortNames: ["bgpconfig", "bgpconfigs"],
  isNamespaced: false,
  schema,
  columns: {
    AS: ({ spec }) => String(spec.asNumber ?? bgpDefaults.asNumber),
    Mesh: ({ spec }) => String(spec.nodeToNodeMeshEnabled ?? bgpDefaults.nodeToNodeMeshEnabled),
    Port: ({ spec }) => String(spec.listenPort ?? bgpDefaults.listenPort),
  },
  example: {
    apiVersion: "projectcalico.org/v3",
    kind: "BGPConfiguration",
    metadata: { name: "default" },
    spec: { asNumber: 64513, nodeToNodeMeshEnabled: true },
  },
});
