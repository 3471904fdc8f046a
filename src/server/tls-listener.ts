import { once } from "node:events";
import type { RequestListener, ServerOptions as HttpOptions } from "node:http";
import { type Server, createServer } from "node:https";
import type { Server as NetServer } from "node:net";
import type { SecureContextOptions } from "node:tls";
import { renewalTimeMs } from "../access/index.ts";
import { type Logger, TortieError, parseAddress } from "../lib/index.ts";
import { type Authority, makeKeyPair } from "./authority.ts";
import { type ConnectionLimits, limitConnections } from "./connection-limits.ts";

export type ListenAddress = { readonly host: string; readonly port: number };

const servingTtlMs = 30 * 86_400_000;
const renewalCheckMs = 3_600_000;
const unspecified: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

/** `192.0.2.7:6443`, `[::]:6443`. TT_CONFIG for anything else. Port 0: any free one. */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const host = parseAddress(match?.[1] ?? match?.[2] ?? "");
  const port = Number(match?.[3]);
  if (host !== undefined && port <= 65535) return { host, port };
  throw new TortieError("TT_CONFIG", `${text} is no address with a port`, {
    hint: "write 192.0.2.7:6443, or [::]:6443 for every address of this host",
  });
}

/** Where clients find it: by its first name. */
export function urlOf(authority: Authority, { host, port }: ListenAddress): string {
  const name = authority.names[0] ?? host;
  return `https://${name.includes(":") ? `[${name}]` : name}:${port}`;
}

/** A server of HTTP over TLS 1.3 that asks for a client's certificate, and leaves it to the listener what to make of it. */
export function createTlsServer(
  options: {
    readonly authority: Authority;
    readonly address: ListenAddress;
    readonly limits: ConnectionLimits;
    readonly handshakeDeadlineMs: number;
    readonly log: Logger;
  },
  http: HttpOptions,
  listener: RequestListener,
): Server {
  const { authority, address, handshakeDeadlineMs, log } = options;
  const names = unspecified.has(address.host) ? authority.names : [...authority.names, address.host];
  let credentials = makeCredentials(authority, names);
  const server = createServer(
    {
      ...http,
      ...credentials.context,
      requestCert: true,
      // A host that joins has none yet. Whether there is one of ours is judged with each request.
      rejectUnauthorized: false,
      handshakeTimeout: handshakeDeadlineMs,
    },
    listener,
  );
  limitConnections(server, options.limits, log);
  server.on("tlsClientError", (error, socket) => {
    log.debug("a TLS handshake failed", { from: socket.remoteAddress, why: error.message });
  });
  const timer = setInterval(() => {
    if (Date.now() < credentials.renewAtMs) return;
    credentials = makeCredentials(authority, names);
    server.setSecureContext(credentials.context);
    log.info("the server's certificate was renewed", { names });
  }, renewalCheckMs).unref();
  server.once("close", () => clearInterval(timer));
  return server;
}

/** Gives the port that was bound. TT_CONFIG when it cannot be had. */
export async function listenOnTls(server: NetServer, { host, port }: ListenAddress): Promise<number> {
  try {
    server.listen({ host, port });
    await once(server, "listening");
  } catch (cause) {
    throw new TortieError("TT_CONFIG", `cannot listen on ${host} port ${port}`, {
      cause,
      hint: "has this host the address, and is the port free?",
    });
  }
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : port;
}

type Credentials = { readonly context: SecureContextOptions; readonly renewAtMs: number };

/** The server's own certificate is made anew at each start and lives in memory only. */
function makeCredentials(authority: Authority, names: readonly string[]): Credentials {
  const { publicKey, privateKey } = makeKeyPair();
  const nowMs = Date.now();
  const subject = { organisation: "tortie:server", commonName: (names[0] ?? "server").slice(0, 64) };
  const certificate = authority.issue(
    { subject, publicKey, use: { type: "server", names }, ttlMs: servingTtlMs },
    nowMs,
  );
  return {
    renewAtMs: renewalTimeMs({ notBeforeMs: nowMs, notAfterMs: nowMs + servingTtlMs }, () => 0),
    context: {
      // With the authority: by its hash a host that joins knows whom it speaks to.
      cert: certificate + authority.certificate,
      key: privateKey.export({ type: "pkcs8", format: "pem" }),
      ca: authority.certificate,
      minVersion: "TLSv1.3",
    },
  };
}
