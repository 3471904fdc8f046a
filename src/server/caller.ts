import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import { type Identity, identityOf } from "../access/index.ts";
import { StatusError } from "./status.ts";

/** Who sent a request, and from where. */
export type Caller = {
  /** Undefined: nobody we know. Such a caller may join with a token and ask whether the server is well. */
  readonly identity: Identity | undefined;
  readonly from: string;
  /** When the certificate ends; milliseconds since 1970. */
  readonly expiresMs?: number;
};

/** Judges a request before anything of it is read. Throws a StatusError. */
export type Admission = (request: IncomingMessage) => Caller;

/** Whoever may open the socket, which has mode 0600: the user of the server, and root. */
export const localAdmin: Caller = { identity: { role: "admin", name: "local" }, from: "unix socket" };

const callerBySocket = new WeakMap<TLSSocket, Caller>();

/** By the certificate that was shown in the TLS handshake. It was verified then; that it has not ended since is seen here. */
export function admitByCertificate({ socket }: IncomingMessage): Caller {
  if (!(socket instanceof TLSSocket)) throw new Error("assertion failed: only TLS is served here");
  const caller = callerBySocket.get(socket) ?? readCaller(socket);
  callerBySocket.set(socket, caller);
  if (caller.expiresMs !== undefined && caller.expiresMs <= Date.now())
    throw unauthorized("your certificate has expired");
  return caller;
}

function readCaller(socket: TLSSocket): Caller {
  const from = socket.remoteAddress ?? "";
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return { identity: undefined, from };
  if (!socket.authorized) throw unauthorized(reasonOf(socket.authorizationError));
  const { subject } = socket.getPeerCertificate();
  const identity = identityOf({ organisation: textOf(subject.O), commonName: textOf(subject.CN) });
  if (identity === undefined) throw unauthorized("your certificate names no role of this cluster");
  return { identity, from, expiresMs: certificate.validToDate.getTime() };
}

export function requireIdentity({ identity }: Caller): Identity {
  if (identity !== undefined) return identity;
  throw unauthorized("show a certificate: a host gets one with a token, a person with `tortie token create`");
}

export function unauthorized(why: string): StatusError {
  return new StatusError("Unauthorized", why);
}

function reasonOf(failure: unknown): string {
  // Node types it as an error and gives its code.
  const code = failure instanceof Error && "code" in failure ? failure.code : failure;
  if (code === "CERT_HAS_EXPIRED") return "your certificate has expired";
  if (code === "CERT_NOT_YET_VALID") return "your certificate is not valid yet: compare the clocks";
  return "your certificate is not one of this cluster";
}

/** A subject may name the same thing twice; ours never do. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
