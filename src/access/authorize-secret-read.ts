import { type Decision, allowed, refused } from "./authorize-request.ts";
import type { Identity } from "./identity.ts";

/** A read of Secrets: of one by its name, or of whatever a selector leaves. */
export type SecretRead = {
  /** Undefined: of all namespaces. */
  readonly namespace: string | undefined;
  /** Undefined when others than one could be answered. */
  readonly name: string | undefined;
};

/** Whether a BGP session of the node has its password there. */
export type IsPasswordOf = (node: string, secret: { readonly namespace: string; readonly name: string }) => boolean;

/**
 * Who speaks BGP for a node reads the passwords of that node's sessions, one by one, and learns of no other Secret, not
 * even whether it is there.
 */
export function authorizeSecretRead(
  { role, name: node }: Identity,
  { namespace, name }: SecretRead,
  isPasswordOf: IsPasswordOf,
): Decision {
  if (role === "admin") return allowed;
  const speaksBgp = role === "node" || role === "reflector";
  const isOwn = speaksBgp && namespace !== undefined && name !== undefined && isPasswordOf(node, { namespace, name });
  return isOwn
    ? allowed
    : refused("of Secrets a node reads those with passwords of its BGP sessions, each by its name");
}
