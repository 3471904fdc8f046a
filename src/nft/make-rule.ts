import { assert } from "../lib/index.ts";
import type { Expression } from "./expression.ts";
import { printableText } from "./printable-text.ts";
import type { Rule } from "./table.ts";

/**
 * A rule of these parts, one behind the other: makeRule([family(4), address("source", cidr), verdict("drop")], "why").
 * A comment is cut at 127 octets, quotes become apostrophes. Asserts that headers are read only where they are known to be there.
 */
export function makeRule(parts: readonly (readonly Expression[])[], comment = ""): Rule {
  const expressions = parts.flat();
  assert(
    readsOnlyKnownHeaders(expressions),
    "an address needs a family test before it, a port or ICMP type a protocol",
  );
  return comment === "" ? { expressions } : { expressions, comment: printableText(comment) };
}

/** An inet table sees both families: octets 12 to 15 of an IPv6 packet must not be taken for an IPv4 source. */
function readsOnlyKnownHeaders(expressions: readonly Expression[]): boolean {
  let isFamilyKnown = false;
  let isProtocolKnown = false;
  for (const expression of expressions) {
    if (expression.type === "meta") {
      isFamilyKnown ||= expression.key === "family";
      isProtocolKnown ||= expression.key === "transport";
    }
    if (expression.type !== "payload") continue;
    if (expression.base === "network" && !isFamilyKnown) return false;
    if (expression.base === "transport" && !isProtocolKnown) return false;
  }
  return true;
}
