import { type ClientRequest, Agent as HttpAgent, type RequestOptions, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { TortieError } from "../lib/index.ts";
import type { Credentials } from "./credentials.ts";

/** A server of which only the authority is known, or one that knows us too. */
type TlsTarget = Pick<Credentials, "server" | "authority"> & Partial<Credentials>;

/** Where the server is. `current`: by TLS, with what is renewed from time to time; undefined as long as there is nothing. */
export type Target = { readonly socketPath: string } | TlsTarget | { current(): TlsTarget | undefined };

/** What a request says, apart from where it goes. */
type Said = Pick<RequestOptions, "path" | "method" | "headers" | "signal">;

/** The way to one server. */
export interface Route extends Disposable {
  /** On a connection that is kept, or on one of its own. TT_API_DENIED when there is nothing to show. */
  request(said: Said, connection: "kept" | "own"): ClientRequest;
  /** What it means that the connection failed; undefined when that is for everybody to see. */
  explain(code: unknown): TortieError | undefined;
  /** For messages. */
  readonly name: string;
}

export function openRoute(target: Target): Route {
  if ("socketPath" in target) return new SocketRoute(target.socketPath);
  return new TlsRoute("current" in target ? () => target.current() : () => target);
}

class SocketRoute implements Route {
  readonly name: string;
  readonly #agent = new HttpAgent({ keepAlive: true });

  constructor(socketPath: string) {
    this.name = socketPath;
  }

  request(said: Said, connection: "kept" | "own"): ClientRequest {
    const agent = connection === "kept" ? this.#agent : false;
    return httpRequest({ ...said, socketPath: this.name, host: "localhost", agent });
  }

  explain(code: unknown): TortieError | undefined {
    if (code !== "EACCES") return undefined;
    return new TortieError("TT_API_DENIED", `the socket ${this.name} may not be used`, {
      hint: "run this as the user that the server runs as",
    });
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

/** Codes of OpenSSL and of node that say: the server is not who it should be. */
const strangerCodes: ReadonlySet<unknown> = new Set([
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "CERT_SIGNATURE_FAILURE",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "INVALID_PURPOSE",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

class TlsRoute implements Route {
  readonly #current: () => TlsTarget | undefined;
  #agent: HttpsAgent | undefined;
  #shown: TlsTarget | undefined;
  #isDisposed = false;

  constructor(current: () => TlsTarget | undefined) {
    this.#current = current;
  }

  get name(): string {
    return this.#current()?.server ?? "the server";
  }

  request(said: Said, connection: "kept" | "own"): ClientRequest {
    const target = this.#current();
    if (target === undefined) {
      throw new TortieError("TT_API_DENIED", "there is no certificate yet to show to the server", {
        hint: "make a token with `tortie token create --node NAME` and give it to the agent with --token",
      });
    }
    const { hostname, port } = new URL(target.server);
    const place = { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 443) };
    if (connection === "kept") return httpsRequest({ ...said, ...place, agent: this.#agentFor(target) });
    return httpsRequest({ ...said, ...place, ...secrets(target), agent: false });
  }

  explain(code: unknown): TortieError | undefined {
    if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
      return new TortieError("TT_API_DENIED", `the server at ${this.name} does not go by that name`, {
        hint: "use a name that it has, or add this one: `tortie server init --name HOST`, then restart the server",
      });
    }
    if (!strangerCodes.has(code)) return undefined;
    return new TortieError("TT_API_DENIED", `the server at ${this.name} is not one of this cluster`, {
      hint: "compare its address and its clock with what they should be; nothing was sent to it",
    });
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#agent?.destroy();
  }

  /** A new certificate is shown on new connections; what runs on the others goes on. */
  #agentFor(target: TlsTarget): HttpsAgent {
    if (this.#agent !== undefined && this.#shown === target) return this.#agent;
    const idle = Object.values(this.#agent?.freeSockets ?? {}).flatMap((sockets) => sockets ?? []);
    for (const socket of idle) socket.destroy();
    const agent = new HttpsAgent({ keepAlive: true, ...secrets(target) });
    if (this.#isDisposed) agent.destroy();
    this.#agent = agent;
    this.#shown = target;
    return agent;
  }
}

function secrets({ authority, certificate, key }: TlsTarget) {
  const own = certificate === undefined || key === undefined ? {} : { cert: certificate, key };
  return { ca: authority, minVersion: "TLSv1.3", ...own } as const;
}
