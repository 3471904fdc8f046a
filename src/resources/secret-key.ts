import { z } from "zod";
import { reference } from "./network-fields.ts";
import { isBlank, object, optional, required } from "./schema.ts";

/** Where a password is: a Secret, and the key in it. The password itself is in no object but that. */
export type SecretKeyRef = { readonly name?: string; readonly key: string; readonly optional?: boolean };

export type PasswordRef = { readonly secretKeyRef?: SecretKeyRef };

export const passwordRef = object({
  secretKeyRef: optional(
    object({
      name: optional(reference, isBlank),
      key: required(z.string(), isBlank),
      optional: optional(z.boolean()),
    }),
  ),
});
