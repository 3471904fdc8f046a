import { isObjectName } from "../resources/index.ts";
import type { DistinguishedName } from "./certificate.ts";

export const roles = ["admin", "viewer", "node", "cni", "reflector"] as const;
export type Role = (typeof roles)[number];

/** Who asks. For the roles `node`, `cni` and `reflector` the name is that of a node. */
export type Identity = { readonly role: Role; readonly name: string };

/** As messages and logs call it: `node "host-1"`. */
export function formatIdentity({ role, name }: Identity): string {
  return `${role} "${name}"`;
}

/** Whether the role is tied to one node, which is then the identity's name. */
export function isNodeRole(role: Role): boolean {
  return role === "node" || role === "cni" || role === "reflector";
}

const organisationPrefix = "tortie:";

/** How a certificate names its owner: the role is the organisation, which Kubernetes' tools show as a group. */
export function subjectOf({ role, name }: Identity): DistinguishedName {
  return { organisation: `${organisationPrefix}${role}`, commonName: name };
}

/** Undefined for a subject that names none of our roles: a server, or somebody else's certificate. */
export function identityOf({ organisation, commonName }: DistinguishedName): Identity | undefined {
  const role = roles.find((known) => `${organisationPrefix}${known}` === organisation);
  return role !== undefined && isObjectName(commonName) ? { role, name: commonName } : undefined;
}
