import { z } from "zod";
import {
  type Cidr,
  type IpVersion,
  type Problem,
  cidrLength,
  cidrVersion,
  cidrsOverlap,
  parseCidr,
} from "../lib/index.ts";
import { parseSelector } from "../selector/index.ts";
import { Complaint, show } from "./complaint.ts";
import { type Condition, conditions } from "./conditions.ts";
import { defineKind, resourceSchema } from "./kind-definition.ts";
import { cidr } from "./network-fields.ts";
import type { ObjectMeta } from "./object-meta.ts";
import {
  type Json,
  integer,
  isBlank,
  isEmptyList,
  isFalse,
  isRecord,
  isZero,
  list,
  object,
  optional,
  refine,
  required,
} from "./schema.ts";
import { selectorWithoutGlobal } from "./selector-fields.ts";

export type IPPoolUse = "Workload" | "Tunnel" | "LoadBalancer";

type Encapsulation = "Never" | "Always" | "CrossSubnet";

export type IPPoolSpec = {
  readonly cidr: Cidr;
  /** Prefix length of its blocks: 20..32 or 116..128. */
  readonly blockSize: number;
  /** Packets go out as they are: of a pool that decodes both are Never. */
  readonly ipipMode: Encapsulation;
  readonly vxlanMode: Encapsulation;
  /** Addresses are never translated: true in no pool that decodes. */
  readonly natOutgoing?: boolean;
  /** No assignments when true; the addresses given out stay. */
  readonly disabled?: boolean;
  readonly disableBGPExport?: boolean;
  readonly nodeSelector: string;
  readonly namespaceSelector?: string;
  readonly allowedUses: readonly IPPoolUse[];
  readonly assignmentMode: "Automatic" | "Manual";
};

export type IPPool = {
  readonly apiVersion: "projectcalico.org/v3";
  readonly kind: "IPPool";
  readonly metadata: ObjectMeta;
  readonly spec: IPPoolSpec;
  readonly status?: { readonly conditions?: readonly Condition[] };
};

const blockSizes: Readonly<Record<IpVersion, { default: number; min: number; max: number }>> = {
  4: { default: 26, min: 20, max: 32 },
  6: { default: 122, min: 116, max: 128 },
};
const linkLocal = ["169.254.0.0/16", "fe80::/10"].flatMap((text) => parseCidr(text) ?? []);

const poolCidr = refine(cidr({ bare: true }), (prefix) => {
  const overlapped = linkLocal.find((range) => cidrsOverlap(range, prefix));
  return (
    overlapped &&
    new Complaint(`${show(prefix)} overlaps the link-local range ${overlapped}`, "use addresses that can be routed")
  );
});

const encapsulation = z.enum(["Never", "Always", "CrossSubnet"]);

const members = object({
  cidr: required(poolCidr, isBlank),
  blockSize: optional(integer(20, 128), isZero),
  ipipMode: required(encapsulation.prefault("Never"), isBlank),
  vxlanMode: required(encapsulation.prefault("Never"), isBlank),
  natOutgoing: optional(z.boolean(), isFalse),
  disabled: optional(z.boolean(), isFalse),
  disableBGPExport: optional(z.boolean(), isFalse),
  nodeSelector: required(selectorWithoutGlobal.prefault("all()"), isBlank),
  namespaceSelector: optional(selectorWithoutGlobal, isBlank),
  allowedUses: optional(list(z.enum(["Workload", "Tunnel", "LoadBalancer"]), { isSet: true }), isEmptyList),
  // An empty text here is refused, not taken for the default.
  assignmentMode: z.enum(["Automatic", "Manual"]).prefault("Automatic"),
});

type Members = z.output<typeof members>;

function check(pool: Members): Complaint[] {
  return [...checkBlockSize(pool), ...checkEncapsulation(pool), ...checkUses(pool)];
}

function checkBlockSize({ cidr, blockSize, disabled }: Members): Complaint[] {
  const version = cidrVersion(cidr);
  const { default: standard, min, max } = blockSizes[version];
  const size = blockSize ?? standard;
  if (size < min || size > max) {
    return [
      new Complaint(`${size} is no block size of an IPv${version} pool`, `write a number from ${min} to ${max}`, [
        "blockSize",
      ]),
    ];
  }
  if (disabled === true || cidrLength(cidr) <= size) return [];
  const hint = `use a larger pool, or a blockSize from ${Math.max(min, cidrLength(cidr))} to ${max}`;
  return [new Complaint(`${show(cidr)} is smaller than one block of /${size}`, hint, ["cidr"])];
}

function checkEncapsulation({ cidr, ipipMode, vxlanMode }: Members): Complaint[] {
  const complaints: Complaint[] = [];
  if (ipipMode !== "Never" && vxlanMode !== "Never") {
    complaints.push(new Complaint("excludes ipipMode", "write Never for one of the two", ["vxlanMode"]));
  }
  if (ipipMode !== "Never" && cidrVersion(cidr) === 6) {
    complaints.push(new Complaint("IP in IP is for IPv4 only", "write Never", ["ipipMode"]));
  }
  return complaints;
}

function checkUses(pool: Members): Complaint[] {
  const { allowedUses = [], namespaceSelector, disableBGPExport, nodeSelector } = pool;
  const complaints: Complaint[] = [];
  if (namespaceSelector !== undefined && allowedUses.includes("Tunnel")) {
    const message = "a pool for certain namespaces cannot serve tunnels";
    complaints.push(new Complaint(message, "remove Tunnel, or namespaceSelector", ["allowedUses"]));
  }
  if (!allowedUses.includes("LoadBalancer")) return complaints;
  if (allowedUses.length > 1) {
    complaints.push(
      new Complaint("LoadBalancer excludes every other use", "make a pool of its own for it", ["allowedUses"]),
    );
  }
  if (disableBGPExport === true) {
    complaints.push(new Complaint("a LoadBalancer pool must be announced", "remove it", ["disableBGPExport"]));
  }
  for (const mode of ["ipipMode", "vxlanMode"] as const) {
    if (pool[mode] !== "Never") {
      complaints.push(new Complaint("a LoadBalancer pool has no encapsulation", "write Never", [mode]));
    }
  }
  const selector = parseSelector(nodeSelector);
  if (!selector.ok || selector.value.root.type !== "all") {
    complaints.push(new Complaint("a LoadBalancer pool belongs to all nodes", "write all()", ["nodeSelector"]));
  }
  return complaints;
}

function complete(pool: Members): IPPoolSpec {
  const { cidr, blockSize, ipipMode, vxlanMode, allowedUses, assignmentMode, ...rest } = pool;
  const uses: readonly IPPoolUse[] = pool.namespaceSelector === undefined ? ["Workload", "Tunnel"] : ["Workload"];
  return {
    cidr,
    blockSize: blockSize ?? blockSizes[cidrVersion(cidr)].default,
    ipipMode,
    vxlanMode,
    ...rest,
    allowedUses: allowedUses ?? uses,
    assignmentMode,
  };
}

const schema: z.ZodType<IPPool> = resourceSchema(
  { apiVersion: "projectcalico.org/v3", kind: "IPPool", isNamespaced: false },
  {
    spec: refine(members, check).transform(complete),
    status: optional(object({ conditions: optional(conditions, isEmptyList) })),
  },
);

/** The defaults that are stored with a pool. */
function applyDefaults(json: Json): Json {
  const { spec } = json;
  if (!isRecord(spec)) return json;
  const text = typeof spec["cidr"] === "string" ? parseCidr(spec["cidr"], { bare: true, hostBits: true }) : undefined;
  const hasNamespaces = !isUnset(spec["namespaceSelector"]);
  const defaults: Json = {
    ...(text === undefined ? {} : { blockSize: blockSizes[cidrVersion(text)].default }),
    ipipMode: "Never",
    vxlanMode: "Never",
    nodeSelector: "all()",
    allowedUses: hasNamespaces ? ["Workload"] : ["Workload", "Tunnel"],
  };
  const missing = Object.entries(defaults).filter(([member]) => isUnset(spec[member]));
  // An empty text here is refused, not taken for the default.
  const assignmentMode = spec["assignmentMode"] ?? "Automatic";
  return { ...json, spec: { ...spec, ...Object.fromEntries(missing), assignmentMode } };
}

function isUnset(value: unknown): boolean {
  return value === undefined || value === null || isBlank(value) || isZero(value) || isEmptyList(value);
}

/** Packets go out as they are. */
function leftOut({ spec }: IPPool): Problem[] {
  return (["ipipMode", "vxlanMode"] as const)
    .filter((mode) => spec[mode] !== "Never")
    .map((mode) => ({
      path: `spec.${mode}`,
      message: `${spec[mode]}: packets are never encapsulated here`,
      hint: "write Never; hosts route the pool's addresses as they are",
    }));
}

/** Blocks are cut from the pool once and for all. */
function refuseResize({ spec }: IPPool, old: IPPool | undefined): Problem[] {
  if (old === undefined) return [];
  const problems: Problem[] = [];
  const hint = "make a new pool and retire this one with disabled: true";
  for (const member of ["cidr", "blockSize"] as const) {
    if (spec[member] === old.spec[member]) continue;
    problems.push({
      path: `spec.${member}`,
      message: `cannot be changed from ${old.spec[member]} to ${spec[member]}`,
      hint,
    });
  }
  if (old.spec.allowedUses.includes("LoadBalancer") && !spec.allowedUses.includes("LoadBalancer")) {
    problems.push({ path: "spec.allowedUses", message: "cannot be changed from LoadBalancer to another use", hint });
  }
  return problems;
}

export const ipPool = defineKind({
  kind: "IPPool",
  plural: "ippools",
  singular: "ippool",
  shortNames: ["ipp", "pool", "pools"],
  isNamespaced: false,
  hasStatus: true,
  schema,
  applyDefaults,
  leftOut,
  admit: refuseResize,
  columns: {
    CIDR: ({ spec }) => spec.cidr,
    BlockSize: ({ spec }) => `/${spec.blockSize}`,
    Disabled: ({ spec }) => String(spec.disabled ?? false),
    Selector: ({ spec }) => spec.nodeSelector,
  },
  example: {
    apiVersion: "projectcalico.org/v3",
    kind: "IPPool",
    metadata: { name: "workloads-v4" },
    spec: { cidr: "10.65.0.0/16", blockSize: 26, nodeSelector: "all()" },
  },
});
