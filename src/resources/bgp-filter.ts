import { z } from "zod";
import { type Cidr, type IpVersion, addressBits, cidrVersion } from "../lib/index.ts";
import { asNumber } from "./as-number.ts";
import { community } from "./community.ts";
import { Complaint, show } from "./complaint.ts";
import { isInterfacePattern } from "./formats.ts";
import { defineKind, resourceSchema } from "./kind-definition.ts";
import { cidr } from "./network-fields.ts";
import type { ObjectMeta } from "./object-meta.ts";
import { integer, isBlank, isEmptyList, list, object, optional, refine, required, textOf } from "./schema.ts";

/** Everything that is present must hold; a rule without any condition matches every route. */
export type BGPFilterRule = {
  readonly action: "Accept" | "Reject";
  /** Goes together with `matchOperator`. */
  readonly cidr?: Cidr;
  readonly matchOperator?: "Equal" | "NotEqual" | "In" | "NotIn";
  readonly prefixLength?: { readonly min?: number; readonly max?: number };
  /** Only routes that were learned by BGP. */
  readonly source?: "RemotePeers";
  /** Name of the outgoing interface, with `*` for any characters. */
  readonly interface?: string;
  readonly peerType?: "eBGP" | "iBGP";
  /** Exactly one. */
  readonly communities?: { readonly values: readonly string[] };
  readonly asPathPrefix?: readonly number[];
  readonly priority?: number;
  /** Done in this order; only with Accept. */
  readonly operations?: readonly BGPFilterOperation[];
};

/** Exactly one member. */
export type BGPFilterOperation = {
  readonly addCommunity?: { readonly value: string };
  readonly prependASPath?: { readonly prefix: readonly number[] };
  readonly setPriority?: { readonly value: number };
};

/** The first rule that matches decides; a route that none matches goes on to the next filter. */
export type BGPFilterSpec = {
  readonly exportV4?: readonly BGPFilterRule[];
  readonly importV4?: readonly BGPFilterRule[];
  readonly exportV6?: readonly BGPFilterRule[];
  readonly importV6?: readonly BGPFilterRule[];
};

export type BGPFilter = {
  readonly apiVersion: "projectcalico.org/v3";
  readonly kind: "BGPFilter";
  readonly metadata: ObjectMeta;
  readonly spec: BGPFilterSpec;
};

const maxOperations = 10;
const maxPrepended = 10;
/** Metric of a route in the kernel. */
export const routePriority = integer(1, 2147483646);

const operation = refine(
  object({
    addCommunity: optional(object({ value: required(community, isBlank) })),
    prependASPath: optional(object({ prefix: required(list(asNumber, { max: maxPrepended }), isEmptyList) })),
    setPriority: optional(object({ value: routePriority })),
  }),
  (value) =>
    Object.keys(value).length === 1
      ? undefined
      : new Complaint("must be exactly one operation", "give addCommunity, prependASPath or setPriority"),
);

const communities = refine(object({ values: list(community) }), ({ values }) =>
  values.length === 1 ? undefined : new Complaint(`has ${values.length} entries; exactly 1 is allowed`, "", ["values"]),
);

function filterRules(version: IpVersion) {
  const prefix = refine(cidr({ bare: true }), (value) =>
    cidrVersion(value) === version ? undefined : new Complaint(`${show(value)} is no IPv${version} prefix`),
  );
  const length = optional(integer(0, addressBits[version]));
  const rule = refine(
    object({
      action: required(z.enum(["Accept", "Reject"]), isBlank),
      cidr: optional(prefix, isBlank),
      matchOperator: optional(z.enum(["Equal", "NotEqual", "In", "NotIn"]), isBlank),
      prefixLength: optional(object({ min: length, max: length })),
      source: optional(z.enum(["RemotePeers"]), isBlank),
      interface: optional(
        textOf(isInterfacePattern, "a pattern of interface names", "1 to 15 letters, digits and . - _ *"),
        isBlank,
      ),
      peerType: optional(z.enum(["eBGP", "iBGP"]), isBlank),
      communities: optional(communities),
      asPathPrefix: optional(list(asNumber), isEmptyList),
      priority: optional(routePriority),
      operations: optional(list(operation, { max: maxOperations }), isEmptyList),
    }),
    checkRule,
  );
  return optional(list(rule), isEmptyList);
}

function checkRule({ action, cidr, matchOperator, prefixLength, operations }: BGPFilterRule): Complaint[] {
  const complaints: Complaint[] = [];
  if ((cidr === undefined) !== (matchOperator === undefined)) {
    const missing = cidr === undefined ? "cidr" : "matchOperator";
    complaints.push(new Complaint("is missing", "cidr and matchOperator go together", [missing]));
  }
  if (prefixLength !== undefined && cidr === undefined) {
    complaints.push(new Complaint("needs cidr", "add cidr and matchOperator", ["prefixLength"]));
  }
  if (operations !== undefined && action !== "Accept") {
    complaints.push(new Complaint("go only with action: Accept", "remove them", ["operations"]));
  }
  return complaints;
}

const schema: z.ZodType<BGPFilter> = resourceSchema(
  { apiVersion: "projectcalico.org/v3", kind: "BGPFilter", isNamespaced: false },
  {
    spec: object({
      exportV4: filterRules(4),
      importV4: filterRules(4),
      exportV6: filterRules(6),
      importV6: filterRules(6),
    }),
  },
);

export const bgpFilter = defineKind({
  kind: "BGPFilter",
  plural: "bgpfilters",
  singular: "bgpfilter",
  isNamespaced: false,
  schema,
  columns: {
    Import: ({ spec }) => `${(spec.importV4?.length ?? 0) + (spec.importV6?.length ?? 0)} rules`,
    Export: ({ spec }) => `${(spec.exportV4?.length ?? 0) + (spec.exportV6?.length ?? 0)} rules`,
  },
  example: {
    apiVersion: "projectcalico.org/v3",
    kind: "BGPFilter",
    metadata: { name: "default-route-only" },
    spec: {
      importV4: [{ cidr: "0.0.0.0/0", matchOperator: "Equal", action: "Accept" }, { action: "Reject" }],
      importV6: [{ cidr: "::/0", matchOperator: "Equal", action: "Accept" }, { action: "Reject" }],
      exportV4: [
        {
          cidr: "10.65.0.0/16",
          matchOperator: "In",
          prefixLength: { max: 26 },
          action: "Accept",
          operations: [{ addCommunity: { value: "64512:100" } }],
        },
      ],
    },
  },
});
