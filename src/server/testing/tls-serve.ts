import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type Identity, formatJoinToken, subjectOf } from "../../access/index.ts";
import { type Credentials, makeKey } from "../../client/index.ts";
import { type LogFields, type Logger, silentLogger } from "../../lib/index.ts";
import { type Store, memoryStore } from "../../store/index.ts";
import { type Authority, initAuthority, readPublicKey } from "../authority.ts";
import type { ServerLimits } from "../listeners.ts";
import { startServer } from "../start-server.ts";
import { makeFolder } from "./serve.ts";

/** An authority of its own, as `tortie server init` makes it. */
export function makeAuthority(state: string): Authority {
  return initAuthority({ state, names: ["127.0.0.1", "localhost"] }).authority;
}

/** A server for a test that speaks TLS on loopback. */
export async function serveTls(
  options: {
    readonly limits?: Partial<ServerLimits>;
    readonly log?: Logger;
    readonly store?: Store;
    readonly authority?: Authority;
  } = {},
) {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(makeFolder());
  const authority = options.authority ?? makeAuthority(join(folder.path, randomBytes(4).toString("hex")));
  const store = options.store ?? stack.use(memoryStore());
  const socketPath = join(folder.path, "api.sock");
  const { log = silentLogger, limits } = options;
  const server = stack.use(
    await startServer({
      store,
      socketPath,
      authority,
      listen: "127.0.0.1:0",
      limits,
      log,
      signal: new AbortController().signal,
    }),
  );
  const url = server.url ?? "";
  const owned = stack.move();
  return {
    url,
    port: Number(new URL(url).port),
    socketPath,
    store,
    authority,
    credentialsOf: (identity: Identity, more: { nowMs?: number; ttlMs?: number; authority?: Authority } = {}) =>
      credentialsOf(url, authority, identity, more),
    tokenOf: ({ id, secret }: { id: string; secret: string }) =>
      formatJoinToken({ id, secret, authorityHash: authority.hash }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** What an identity shows; by another authority, or at another time, if that is asked for. */
function credentialsOf(
  server: string,
  known: Authority,
  identity: Identity,
  {
    nowMs = Date.now(),
    ttlMs = 3_600_000,
    authority = known,
  }: { nowMs?: number; ttlMs?: number; authority?: Authority },
): Credentials {
  const { publicKey, privateKey } = makeKey();
  const key = readPublicKey(publicKey)!;
  const issue = { subject: subjectOf(identity), publicKey: key, use: { type: "client" }, ttlMs } as const;
  return { server, authority: known.certificate, certificate: authority.issue(issue, nowMs), key: privateKey };
}

/** Keeps every line, as one text each. */
export function recordingLogger(lines: string[], own: LogFields = {}): Logger {
  const write = (text: string, fields: LogFields = {}) => void lines.push(JSON.stringify({ text, ...own, ...fields }));
  return {
    error: write,
    warn: write,
    info: write,
    debug: write,
    child: (fields) => recordingLogger(lines, { ...own, ...fields }),
  };
}
