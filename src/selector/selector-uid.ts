import { createHash } from "node:crypto";
import type { Selector } from "./ast.ts";

/** The name by which a selector's set of members is known: `s:` and base64url SHA-224 of `s:` and the canonical text. */
export function selectorUid(selector: Selector): string {
  return hashId("s:", selector.text);
}

/** `prefix` and the base64url SHA-224 of prefix and content: 38 characters beside the prefix. */
export function hashId(prefix: string, content: string): string {
  return prefix + createHash("sha224").update(prefix).update(content).digest("base64url");
}
