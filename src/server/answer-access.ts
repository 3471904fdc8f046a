import type { KeyObject } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import {
  type Identity,
  formatIdentity,
  formatJoinToken,
  isNodeRole,
  parseJoinToken,
  roles,
  subjectOf,
} from "../access/index.ts";
import type { Logger } from "../lib/index.ts";
import { isObjectName } from "../resources/index.ts";
import { writeAudit } from "./audit.ts";
import { type Authority, readPublicKey } from "./authority.ts";
import { type Caller, requireIdentity } from "./caller.ts";
import type { JoinTokens } from "./join-tokens.ts";
import { isRecord } from "./json.ts";
import { readJson } from "./read-body.ts";
import { sendText } from "./send.ts";
import { StatusError } from "./status.ts";

export type AccessContext = {
  /** Undefined: this server issues nothing. */
  readonly authority: Authority | undefined;
  readonly tokens: JoinTokens;
  /** Where clients reach this server by TLS; undefined when it does not listen. */
  url(): string | undefined;
  /** Lifetime of a host's certificate. */
  readonly nodeTtlMs: number;
  readonly log: Logger;
};

/** Below it lies what is no Kubernetes API: how hosts and people come by their certificates. */
export const accessRoot = "/tortie/v1/";

/** Enough for a key and a token: nobody is known yet who sends it. */
const bodyLimitBytes = 16 << 10;
const hourSeconds = 3600;
const maxTokenSeconds = 7 * 24 * hourSeconds;
const maxCertificateSeconds = 366 * 24 * hourSeconds;

type Json = Readonly<Record<string, unknown>>;
type Answer = { readonly body: unknown; readonly audit: Json };
type Handler = (context: AccessContext, authority: Authority, caller: Caller, body: Json) => Promise<Answer>;

const handlers: Readonly<Record<string, Handler>> = {
  "join-tokens": createToken,
  join,
  renew,
  certificates: createCertificate,
};

/** Every outcome is audited, with the names of things and never a secret. */
export async function answerAccess(
  context: AccessContext,
  caller: Caller,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const verb = path.slice(accessRoot.length);
  const handler = Object.hasOwn(handlers, verb) ? handlers[verb] : undefined;
  if (handler === undefined) throw new StatusError("NotFound", `there is nothing at ${path}`);
  if (request.method !== "POST") throw new StatusError("MethodNotAllowed", "only POST is possible here");
  try {
    const length = Number(request.headers["content-length"] ?? Number.NaN);
    if (!(length <= bodyLimitBytes))
      throw new StatusError("RequestEntityTooLarge", `say the body's length; it has at most ${bodyLimitBytes} bytes`);
    const body = await readJson(request);
    if (!isRecord(body)) throw new StatusError("BadRequest", "the body must be a JSON object");
    const { authority } = context;
    if (authority === undefined)
      throw new StatusError(
        "NotFound",
        "this server has no certificate authority; run `tortie server init` on its host",
      );
    const answer = await handler(context, authority, caller, body);
    writeAudit(context.log, caller, { verb, ...answer.audit, outcome: 201 });
    sendText(response, 201, JSON.stringify(answer.body));
  } catch (error) {
    const outcome = error instanceof StatusError ? error.status.code : 500;
    // What is said of a body that cannot be read may quote it.
    const why = error instanceof StatusError && (outcome === 401 || outcome === 403) ? error.message : undefined;
    writeAudit(context.log, caller, { verb, outcome, why });
    throw error;
  }
}

async function createToken(
  { tokens, url }: AccessContext,
  authority: Authority,
  caller: Caller,
  body: Json,
): Promise<Answer> {
  requireAdmin(caller, "create join tokens");
  const node = readName(body, "node");
  const expiresMs = Date.now() + readSeconds(body, hourSeconds, maxTokenSeconds) * 1000;
  const { id, secret } = await tokens.create(node, expiresMs);
  const expires = new Date(expiresMs).toISOString();
  const token = formatJoinToken({ id, secret, authorityHash: authority.hash });
  return { body: { token, expires, server: url() }, audit: { node, joinId: id, expires } };
}

/** By the token alone; who knows the server by the hash in it gives it nowhere else. */
async function join(
  { tokens, nodeTtlMs }: AccessContext,
  authority: Authority,
  _caller: Caller,
  body: Json,
): Promise<Answer> {
  const token = parseJoinToken(readText(body, "token"));
  if (!token.ok) throw new StatusError("BadRequest", "token: this is no join token");
  const node = readName(body, "node");
  const { pem, key } = readKey(body);
  await tokens.redeem(token.value, node, pem);
  const identity: Identity = { role: "node", name: node };
  return { body: issueFor(authority, identity, key, nodeTtlMs), audit: { node, joinId: token.value.id } };
}

/** A host's next certificate, with a new key, by the one it has. */
async function renew({ nodeTtlMs }: AccessContext, authority: Authority, caller: Caller, body: Json): Promise<Answer> {
  const identity = requireIdentity(caller);
  if (identity.role !== "node")
    throw new StatusError(
      "Forbidden",
      `${formatIdentity(identity)} cannot renew: ask an admin for another certificate`,
    );
  return { body: issueFor(authority, identity, readKey(body).key, nodeTtlMs), audit: { node: identity.name } };
}

async function createCertificate(
  { url }: AccessContext,
  authority: Authority,
  caller: Caller,
  body: Json,
): Promise<Answer> {
  requireAdmin(caller, "create certificates");
  const role = roles.find((known) => known === body["role"]);
  if (role === undefined || role === "node")
    throw new StatusError("BadRequest", "role is admin, viewer, cni or reflector; a host joins with a token");
  const identity: Identity = { role, name: readName(body, isNodeRole(role) ? "node" : "name") };
  const ttlSeconds = readSeconds(body, 30 * 24 * hourSeconds, maxCertificateSeconds);
  const issued = issueFor(authority, identity, readKey(body).key, ttlSeconds * 1000);
  return { body: { ...issued, server: url() }, audit: { for: formatIdentity(identity), ttlSeconds } };
}

function issueFor(authority: Authority, identity: Identity, publicKey: KeyObject, ttlMs: number) {
  const certificate = authority.issue({ subject: subjectOf(identity), publicKey, use: { type: "client" }, ttlMs });
  return { certificate, authority: authority.certificate };
}

function requireAdmin(caller: Caller, what: string): void {
  const identity = requireIdentity(caller);
  if (identity.role === "admin") return;
  throw new StatusError("Forbidden", `${formatIdentity(identity)} cannot ${what}`);
}

function readKey(body: Json): { readonly pem: string; readonly key: KeyObject } {
  const pem = readText(body, "publicKey");
  const key = readPublicKey(pem);
  if (key === undefined) throw new StatusError("BadRequest", "publicKey: must be a P-256 public key in PEM");
  return { pem, key };
}

function readName(body: Json, field: string): string {
  const name = readText(body, field);
  if (isObjectName(name)) return name;
  throw new StatusError("BadRequest", `${field}: must be a name such as host-1`);
}

function readText(body: Json, field: string): string {
  const value = body[field];
  if (typeof value === "string") return value;
  throw new StatusError("BadRequest", `${field}: must be text`);
}

function readSeconds(body: Json, standard: number, max: number): number {
  const value = body["ttlSeconds"] ?? standard;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 1 && value <= max) return value;
  throw new StatusError("BadRequest", `ttlSeconds: must be a whole number from 1 to ${max}`);
}
