import { type Result, failure, success } from "../lib/index.ts";

/**
 * What a host needs to join once: a secret that the server knows by its hash, and the hash of the authority's certificate, by which
 * the host knows the server before it says anything.
 */
export type JoinToken = {
  /** Not secret: names the token in logs. */
  readonly id: string;
  /** 32 random octets in base64url. */
  readonly secret: string;
  /** SHA-256 of the authority's certificate (DER), in base64url. */
  readonly authorityHash: string;
};

const prefix = "tortie-join";
const shape = /^tortie-join\.([0-9a-f]{16})\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{43})$/;

export function formatJoinToken({ id, secret, authorityHash }: JoinToken): string {
  return `${prefix}.${id}.${secret}.${authorityHash}`;
}

/** White space around it does not count. No problem quotes the text. */
export function parseJoinToken(text: string): Result<JoinToken> {
  const [, id, secret, authorityHash] = shape.exec(text.trim()) ?? [];
  if (id !== undefined && secret !== undefined && authorityHash !== undefined)
    return success({ id, secret, authorityHash });
  return failure(
    "",
    "this is no join token",
    `give what \`tortie token create --node NAME\` printed: ${prefix}. and three parts`,
  );
}
