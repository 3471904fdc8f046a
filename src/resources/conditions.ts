import { z } from "zod";
import { isBlank, isZero, list, object, optional } from "./schema.ts";

/** What a controller says about an object, in the form that all of Kubernetes uses. */
export type Condition = {
  readonly type?: string;
  readonly status?: "True" | "False" | "Unknown";
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
  readonly observedGeneration?: number;
};

export const conditions = list(
  object({
    type: optional(z.string(), isBlank),
    status: optional(z.enum(["True", "False", "Unknown"]), isBlank),
    reason: optional(z.string(), isBlank),
    message: optional(z.string(), isBlank),
    lastTransitionTime: optional(z.string(), isBlank),
    observedGeneration: optional(z.number(), isZero),
  }),
);
