import { once } from "node:events";
import {
  type ServerOptions as HttpOptions,
  type Server as HttpServer,
  type RequestListener,
  createServer,
} from "node:http";
import { type Logger, TortieError } from "../lib/index.ts";
import { listenOnSocket } from "../sys/index.ts";
import type { Authority } from "./authority.ts";
import { type Admission, admitByCertificate, localAdmin } from "./caller.ts";
import { type ConnectionLimits, standardLimits } from "./connection-limits.ts";
import { type RequestContext, handleRequest } from "./handle-request.ts";
import { listenOnLoopback, parseLoopback, refuseBrowsers } from "./insecure-listener.ts";
import type { JoinTokens } from "./join-tokens.ts";
import { createTlsServer, listenOnTls, parseListenAddress, urlOf } from "./tls-listener.ts";

export type ServerLimits = {
  readonly connections: ConnectionLimits;
  readonly handshakeDeadlineMs: number;
  readonly headersDeadlineMs: number;
  readonly requestDeadlineMs: number;
  readonly keepAliveMs: number;
  /** Lifetime of a host's certificate. */
  readonly nodeTtlMs: number;
};

const standard: ServerLimits = {
  connections: standardLimits,
  handshakeDeadlineMs: 10_000,
  headersDeadlineMs: 10_000,
  requestDeadlineMs: 30_000,
  keepAliveMs: 60_000,
  nodeTtlMs: 86_400_000,
};
const maxHeaderBytes = 16 << 10;
/** How often connections are looked at that are slow to say something. */
const checkEveryMs = 5_000;
/** How long requests may take to end when the server stops. */
const graceMs = 5_000;

export type ListenOptions = {
  readonly socketPath: string;
  /** A loopback address with a port, on which everybody on this machine is served without TLS: for kubectl, when asked for. */
  readonly insecureListen?: string | undefined;
  /** An address with a port on which the API is served by TLS; needs `authority`. */
  readonly listen?: string | undefined;
  /** Issues certificates. Undefined: hosts and people cannot be given any, and TLS cannot be served. */
  readonly authority?: Authority | undefined;
  readonly limits?: Partial<ServerLimits> | undefined;
  readonly log: Logger;
};

export type Listeners = {
  /** Of `insecureListen`. */
  readonly insecurePort: number | undefined;
  /** Of `listen`: where clients find the server. */
  readonly url: string | undefined;
  /** Requests that have begun are answered. */
  close(): Promise<void>;
};

/**
 * Opens every door, or none: each with its own way to tell who comes in.
 *
 *   unix socket (0600) ──> the local admin
 *   TLS ────────────────> whoever the certificate names
 *   loopback, if asked ──> the local admin, but no browser
 */
export async function openListeners(
  options: ListenOptions,
  parts: Omit<RequestContext, "access">,
  tokens: JoinTokens,
): Promise<Listeners> {
  const { socketPath, authority, log } = options;
  const limits = { ...standard, ...options.limits };
  // The addresses are judged first of all: nothing has been opened when one is refused.
  const insecureAddress = options.insecureListen === undefined ? undefined : parseLoopback(options.insecureListen);
  const tlsAddress = options.listen === undefined ? undefined : parseListenAddress(options.listen);
  let url: string | undefined;
  const access = { authority, tokens, url: () => url, nodeTtlMs: limits.nodeTtlMs, log };
  const context: RequestContext = { ...parts, access };
  const doors: { close(): Promise<void> }[] = [];
  const open = (admit: Admission, make?: MakeServer): HttpServer => {
    const door = createDoor(context, admit, limits, make);
    door.http.on("error", (error) => log.error("a connection could not be accepted", { error: String(error) }));
    doors.push(door);
    return door.http;
  };
  const close = async () => void (await Promise.all(doors.map((door) => door.close())));
  try {
    await listenOnSocket(
      open(() => localAdmin),
      socketPath,
    );
    let insecurePort: number | undefined;
    if (insecureAddress !== undefined) insecurePort = await listenOnLoopback(open(admitLocal), insecureAddress);
    if (tlsAddress !== undefined) {
      if (authority === undefined) throw noAuthority();
      const { connections, handshakeDeadlineMs } = limits;
      const tls = { authority, address: tlsAddress, limits: connections, handshakeDeadlineMs, log };
      const server = open(admitByCertificate, (http, listener) => createTlsServer(tls, http, listener));
      url = urlOf(authority, { ...tlsAddress, port: await listenOnTls(server, tlsAddress) });
    }
    return { insecurePort, url, close };
  } catch (error) {
    await close();
    throw error;
  }
}

type MakeServer = (options: HttpOptions, listener: RequestListener) => HttpServer;

const admitLocal: Admission = (request) => {
  refuseBrowsers(request);
  return { ...localAdmin, from: "loopback" };
};

function createDoor(context: RequestContext, admit: Admission, limits: ServerLimits, make: MakeServer = createServer) {
  let isClosing = false;
  const options: HttpOptions = {
    headersTimeout: limits.headersDeadlineMs,
    requestTimeout: limits.requestDeadlineMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: Math.min(checkEveryMs, limits.headersDeadlineMs),
    maxHeaderSize: maxHeaderBytes,
  };
  const http = make(options, (request, response) => {
    response.once("close", () => {
      if (isClosing) setImmediate(() => http.closeIdleConnections());
    });
    // handleRequest never rejects.
    void handleRequest(context, request, response, admit);
  });
  const close = async (): Promise<void> => {
    isClosing = true;
    if (!http.listening) return;
    const closed = once(http, "close");
    http.close();
    const timer = setTimeout(() => http.closeAllConnections(), graceMs);
    await closed;
    clearTimeout(timer);
  };
  return { http, close };
}

function noAuthority(): TortieError {
  return new TortieError("TT_CONFIG", "there is no certificate authority to serve TLS with", {
    hint: "run `tortie server init --state FOLDER --name HOST`, or put ca.crt and ca.key of your cluster into FOLDER/pki",
  });
}
