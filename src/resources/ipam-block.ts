import { z } from "zod";
import { type Cidr, addressBits, cidrLength, cidrVersion } from "../lib/index.ts";
import { Complaint, show } from "./complaint.ts";
import { defineKind, resourceSchema } from "./kind-definition.ts";
import { cidr } from "./network-fields.ts";
import { type ObjectMeta, isTimestamp } from "./object-meta.ts";
import {
  convert,
  integer,
  isBlank,
  isFalse,
  isRecord,
  object,
  optional,
  refine,
  required,
  textMap,
  textOf,
  mustBeFalse,
  withoutSign,
} from "./schema.ts";

/** Whose an address is; shared by addresses with equal attributes. */
export type AllocationAttribute = {
  readonly handle_id?: string;
  readonly secondary?: Readonly<Record<string, string>>;
  /** RFC 3339; set while a released address cools down. */
  readonly releasedAt?: string;
};

export type IPAMBlockSpec = {
  readonly cidr: Cidr;
  /** `host:<node>` or `virtual:<name>`; absent: nobody's. */
  readonly affinity?: string;
  /** RFC 3339 */
  readonly affinityClaimTime?: string;
  /** One entry an address, in order: index into `attributes`, null when free. */
  readonly allocations: readonly (number | null)[];
  /** Free ordinals, next to be given first. */
  readonly unallocated: readonly number[];
  readonly attributes: readonly AllocationAttribute[];
  /** Grows by one with every write of the block. A safe integer. */
  readonly sequenceNumber: number;
  /** Ordinal (as text) to the block's sequence number at allocation. */
  readonly sequenceNumberForAllocation: Readonly<Record<string, number>>;
  /** Of old blocks; the setting is that of IPAMConfiguration now. */
  readonly strictAffinity?: boolean;
};

/** The truth about the addresses of one block. Written by IPAM only. */
export type IPAMBlock = {
  readonly apiVersion: "projectcalico.org/v3";
  readonly kind: "IPAMBlock";
  readonly metadata: ObjectMeta;
  readonly spec: IPAMBlockSpec;
};

/** Addresses of the largest block: an IPv4 /20 or IPv6 /116. */
const maxAddresses = 4096;

const allocations = convert(
  z.array(z.unknown().meta({ type: "integer", nullable: true })),
  (entries): (number | null)[] | Complaint => {
    const read: (number | null)[] = [];
    for (const [at, entry] of entries.entries()) {
      if (entry !== null && !isIndex(entry))
        return new Complaint(`${show(entry)} is neither null nor an index`, "", [at]);
      read.push(entry === null ? null : withoutSign(entry));
    }
    return read;
  },
);

const ordinals = convert(z.array(z.unknown().meta({ type: "integer" })), (entries): number[] | Complaint => {
  const read = entries.filter(isIndex).map(withoutSign);
  if (read.length < entries.length) return new Complaint("must hold ordinals of addresses only");
  return new Set(read).size === read.length ? read : new Complaint("names an address twice");
});

/** An object of whole numbers from 0 on. */
export const numberMap = convert(
  z.unknown().meta({ type: "object", additionalProperties: { type: "integer" } }),
  (value): Readonly<Record<string, number>> | Complaint => {
    if (!isRecord(value)) return new Complaint(`must be an object of numbers, not ${show(value)}`);
    const entries: [string, number][] = [];
    for (const [name, member] of Object.entries(value)) {
      if (!isIndex(member)) return new Complaint(`${show(member)} is no whole number from 0 on`, "", [name]);
      entries.push([name, withoutSign(member)]);
    }
    return Object.fromEntries(entries);
  },
);

function isIndex(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

const time = textOf(isTimestamp, "a time", "write it like 2026-01-31T12:00:00Z");

const members = object({
  cidr: required(cidr({}), isBlank),
  affinity: optional(textOf(isAffinity, "an affinity", "write host:NODE or virtual:NAME"), isBlank),
  affinityClaimTime: optional(time, isBlank),
  allocations,
  unallocated: ordinals.prefault([]),
  attributes: z
    .array(
      object({
        handle_id: optional(z.string(), isBlank),
        secondary: optional(textMap(() => undefined)),
        releasedAt: optional(time, isBlank),
      }),
    )
    .prefault([]),
  sequenceNumber: integer(0, Number.MAX_SAFE_INTEGER).prefault(0),
  sequenceNumberForAllocation: numberMap.prefault({}),
  strictAffinity: optional(z.boolean(), isFalse),
  deleted: mustBeFalse("delete the object"),
});

function isAffinity(text: string): boolean {
  return /^(host|virtual):./s.test(text);
}

function checkOrdinals({ cidr, allocations, unallocated, attributes }: z.output<typeof members>): Complaint[] {
  const size = 2 ** (addressBits[cidrVersion(cidr)] - cidrLength(cidr));
  if (size > maxAddresses)
    return [new Complaint(`${show(cidr)} has more than ${maxAddresses} addresses`, "", ["cidr"])];
  if (allocations.length !== size) {
    return [
      new Complaint(`has ${allocations.length} entries; a block of /${cidrLength(cidr)} has ${size}`, "", [
        "allocations",
      ]),
    ];
  }
  const complaints: Complaint[] = [];
  const dangling = allocations.findIndex((index) => index !== null && index >= attributes.length);
  if (dangling !== -1)
    complaints.push(new Complaint("there is no such entry in attributes", "", ["allocations", dangling]));
  const taken = unallocated.findIndex((ordinal) => allocations[ordinal] !== null);
  if (taken !== -1)
    complaints.push(new Complaint("this address is taken or outside the block", "", ["unallocated", taken]));
  return complaints;
}

const schema: z.ZodType<IPAMBlock> = resourceSchema(
  { apiVersion: "projectcalico.org/v3", kind: "IPAMBlock", isNamespaced: false },
  { spec: refine(members, checkOrdinals) },
);

export const ipamBlock = defineKind({
  kind: "IPAMBlock",
  plural: "ipamblocks",
  singular: "ipamblock",
  isNamespaced: false,
  schema,
  admit: ({ spec }, old) => {
    if (old === undefined || old.spec.cidr === spec.cidr) return [];
    return [{ path: "spec.cidr", message: `cannot be changed from ${old.spec.cidr} to ${spec.cidr}`, hint: "" }];
  },
  columns: {
    CIDR: ({ spec }) => spec.cidr,
    Affinity: ({ spec }) => spec.affinity ?? "",
    Used: ({ spec }) => `${spec.allocations.length - spec.unallocated.length}/${spec.allocations.length}`,
  },
  example: {
    apiVersion: "projectcalico.org/v3",
    kind: "IPAMBlock",
    metadata: { name: "10-65-0-0-30" },
    spec: {
      cidr: "10.65.0.0/30",
      affinity: "host:host-1",
      allocations: [0, null, null, null],
      unallocated: [1, 2, 3],
      attributes: [{ handle_id: "tortie.shop.web-1", secondary: { node: "host-1" } }],
      sequenceNumber: 2,
      sequenceNumberForAllocation: { 0: 1 },
    },
  },
});
