import { once } from "node:events";
import type { IncomingMessage, Server } from "node:http";
import { TortieError } from "../lib/index.ts";
import { StatusError } from "./status.ts";

export type LoopbackAddress = { readonly host: string; readonly port: number };

/** `127.0.0.1:8080` or `[::1]:8080`; TT_CONFIG for any address that others than this machine can reach. Port 0: any free one. */
export function parseLoopback(text: string): LoopbackAddress {
  const match = /^(?:(127(?:\.\d{1,3}){3})|\[(::1)\]):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host !== undefined && port <= 65535) return { host, port };
  throw new TortieError("TT_CONFIG", `${text} is no loopback address with a port`, {
    hint: "write 127.0.0.1:PORT or [::1]:PORT; without TLS the API is served to this machine only",
  });
}

/** Gives the port that was bound. TT_CONFIG when it cannot be had. */
export async function listenOnLoopback(server: Server, { host, port }: LoopbackAddress): Promise<number> {
  try {
    server.listen({ host, port, ipv6Only: true });
    await once(server, "listening");
  } catch (cause) {
    throw new TortieError("TT_CONFIG", `cannot listen on ${host} port ${port}`, {
      cause,
      hint: "is something else listening there? choose another port",
    });
  }
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : port;
}

/**
 * Everybody on this machine may ask here, web pages in a browser too: those are refused, by the Origin they say, and by the name
 * under which they know us when they have bent it to this machine.
 */
export function refuseBrowsers(request: IncomingMessage): void {
  const { origin, host = "" } = request.headers;
  const isLocal = /^(127(\.\d{1,3}){3}|\[::1\]|localhost)(:\d+)?$/.test(host);
  if (origin === undefined && isLocal) return;
  throw new StatusError("Forbidden", "only programs on this machine, by its loopback address, are answered here");
}
