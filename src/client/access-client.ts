import { generateKeyPairSync } from "node:crypto";
import { parseJoinToken } from "../access/index.ts";
import { TortieError } from "../lib/index.ts";
import type { Credentials } from "./credentials.ts";
import { findAuthority } from "./find-authority.ts";
import { statusFailure, textOf } from "./status-failure.ts";
import { type Target, Transport } from "./transport.ts";

/** How hosts and people come by what they are known with. Failures are those of ApiClient. */

export type NewKey = {
  /** PEM */ readonly publicKey: string /** PEM; for nobody else. */;
  readonly privateKey: string;
};

export function makeKey(): NewKey {
  return generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
}

export type CreatedToken = {
  readonly token: string;
  readonly expires: string /** Empty: not served by TLS. */;
  readonly server: string;
};

/** For admins. */
export async function createJoinToken(
  target: Target,
  order: { readonly node: string; readonly ttlSeconds?: number | undefined },
): Promise<CreatedToken> {
  const answer = await post(target, "join-tokens", order);
  return { token: textOf(answer, "token"), expires: textOf(answer, "expires"), server: textOf(answer, "server") };
}

export type CredentialsOrder = {
  readonly role: string;
  /** Of people. */
  readonly name?: string | undefined;
  /** Of the role `cni`. */
  readonly node?: string | undefined;
  readonly ttlSeconds?: number | undefined;
};

/** For admins. The key is made here and never leaves but in what is returned. */
export async function createCredentials(target: Target, order: CredentialsOrder): Promise<Credentials> {
  const { publicKey, privateKey } = makeKey();
  const answer = await post(target, "certificates", { ...order, publicKey });
  return readCredentials(answer, textOf(answer, "server"), privateKey);
}

export type JoinOptions = {
  /** `https://HOST:PORT` */
  readonly server: string;
  /** What `tortie token create --node` printed. */
  readonly token: string;
  readonly node: string;
  readonly key: NewKey;
  readonly signal: AbortSignal;
};

/** Verifies the server by the token before the token is sent. With the same key it can be repeated as long as the token lives. */
export async function joinCluster({ server, token, node, key, signal }: JoinOptions): Promise<Credentials> {
  const read = parseJoinToken(token);
  if (!read.ok) {
    const [problem] = read.problems;
    throw new TortieError("TT_CONFIG", problem?.message ?? "this is no join token", { hint: problem?.hint ?? "" });
  }
  const authority = await findAuthority(server, read.value.authorityHash, signal);
  const target = { server, authority };
  const answer = await post(target, "join", { token: token.trim(), node, publicKey: key.publicKey }, signal);
  return readCredentials(answer, server, key.privateKey);
}

/** A host's next certificate, by the one it has, with a new key. */
export async function renewCredentials(credentials: Credentials, signal: AbortSignal): Promise<Credentials> {
  const { publicKey, privateKey } = makeKey();
  const answer = await post(credentials, "renew", { publicKey }, signal);
  return readCredentials(answer, credentials.server, privateKey);
}

async function post(target: Target, name: string, body: unknown, signal?: AbortSignal): Promise<unknown> {
  using transport = new Transport(target);
  const { code, body: text } = await transport.call({ method: "POST", path: `/tortie/v1/${name}`, body, signal });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new TortieError("TT_API_UNAVAILABLE", "the server's answer is no JSON", {
      cause,
      hint: "is it a tortie server?",
    });
  }
  if (code !== 201) throw statusFailure(code, json);
  return json;
}

function readCredentials(answer: unknown, server: string, key: string): Credentials {
  return { server, authority: textOf(answer, "authority"), certificate: textOf(answer, "certificate"), key };
}
