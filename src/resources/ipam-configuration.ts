import { z } from "zod";
import type { Problem } from "../lib/index.ts";
import { defineKind, resourceSchema } from "./kind-definition.ts";
import type { ObjectMeta } from "./object-meta.ts";
import { integer, isBlank, isFalse, isZero, object, optional } from "./schema.ts";

/** Absent members count as `ipamDefaults`, and so does an absent object. */
export type IPAMConfigurationSpec = {
  readonly strictAffinity?: boolean;
  readonly autoAllocateBlocks?: boolean;
  /** 1..1000000; absent: `ipamDefaults.maxBlocksPerHost`. */
  readonly maxBlocksPerHost?: number;
  /** 1..1200 */
  readonly ipCooldownSeconds?: number;
  /** Of virtual machines that Kubernetes runs; no effect here. */
  readonly kubeVirtVMAddressPersistence?: "Enabled" | "Disabled";
};

/** There is one, named `default`. */
export type IPAMConfiguration = {
  readonly apiVersion: "projectcalico.org/v3";
  readonly kind: "IPAMConfiguration";
  readonly metadata: ObjectMeta;
  readonly spec: IPAMConfigurationSpec;
};

export const ipamDefaults = {
  strictAffinity: false,
  autoAllocateBlocks: true,
  maxBlocksPerHost: 20,
  ipCooldownSeconds: 0,
} as const;

const schema: z.ZodType<IPAMConfiguration> = resourceSchema(
  {
    apiVersion: "projectcalico.org/v3",
    kind: "IPAMConfiguration",
    isNamespaced: false,
    name: { isValid: (name) => name === "default", hint: "there is one IPAMConfiguration, called default" },
  },
  {
    spec: object({
      strictAffinity: optional(z.boolean(), isFalse),
      autoAllocateBlocks: optional(z.boolean()),
      maxBlocksPerHost: optional(integer(0, 1000000), isZero),
      ipCooldownSeconds: optional(integer(0, 1200), isZero),
      kubeVirtVMAddressPersistence: optional(z.enum(["Enabled", "Disabled"]), isBlank),
    }),
  },
);

/** Combinations that leave a host without any way to get an address, or a limit that borrowing would go around. */
function checkCombination({ spec }: IPAMConfiguration): Problem[] {
  const { strictAffinity = false, autoAllocateBlocks = true, maxBlocksPerHost } = spec;
  const problems: Problem[] = [];
  if (!strictAffinity && !autoAllocateBlocks) {
    const message = "false needs strictAffinity: true";
    problems.push({
      path: "spec.autoAllocateBlocks",
      message,
      hint: "set strictAffinity, or leave autoAllocateBlocks out",
    });
  }
  if (!strictAffinity && maxBlocksPerHost !== undefined) {
    const message = "a limit needs strictAffinity: true";
    problems.push({
      path: "spec.maxBlocksPerHost",
      message,
      hint: "set strictAffinity, or leave maxBlocksPerHost out",
    });
  }
  return problems;
}

export const ipamConfiguration = defineKind({
  kind: "IPAMConfiguration",
  plural: "ipamconfigurations",
  singular: "ipamconfiguration",
  shortNames: ["ipamconfig", "ipamconfigs"],
  isNamespaced: false,
  schema,
  admit: checkCombination,
  columns: {
    StrictAffinity: ({ spec }) => String(spec.strictAffinity ?? ipamDefaults.strictAffinity),
    MaxBlocksPerHost: ({ spec }) => String(spec.maxBlocksPerHost ?? ipamDefaults.maxBlocksPerHost),
  },
  example: {
    apiVersion: "projectcalico.org/v3",
    kind: "IPAMConfiguration",
    metadata: { name: "default" },
    spec: { strictAffinity: true, maxBlocksPerHost: 4 },
  },
});
