import type { Random } from "../lib/index.ts";

/** Of a certificate; milliseconds since 1970. */
export type Validity = { readonly notBeforeMs: number; readonly notAfterMs: number };

/** Part of the lifetime over which renewals are spread, so that hosts that joined at once do not all come back at once. */
const spread = 0.1;

/** When to renew: at half the lifetime, or up to a tenth of it sooner. */
export function renewalTimeMs({ notBeforeMs, notAfterMs }: Validity, random: Random): number {
  return notBeforeMs + (notAfterMs - notBeforeMs) * (0.5 - spread * random());
}
