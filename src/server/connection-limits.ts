import type { Server, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Logger } from "../lib/index.ts";

export type ConnectionLimits = {
  /** All together. */
  readonly total: number;
  /** Of one certificate's owner: a host has a connection for each kind that it watches. */
  readonly perIdentity: number;
  /** From one address, as long as they have shown no certificate of ours. */
  readonly perAddress: number;
};

export const standardLimits: ConnectionLimits = { total: 100_000, perIdentity: 256, perAddress: 128 };

const tellEveryMs = 60_000;

/** Cuts off connections beyond the limits, the newest first. `server` speaks TLS. */
export function limitConnections(server: Server, limits: ConnectionLimits, log: Logger): void {
  const counts = new Map<string, number>();
  /** What each connection counts for now, by where it comes from. */
  const ownerByOrigin = new Map<string, string>();
  let lastToldMs = -Infinity;
  const change = (owner: string, by: number): number => {
    const count = (counts.get(owner) ?? 0) + by;
    if (count > 0) counts.set(owner, count);
    else counts.delete(owner);
    return count;
  };
  const tell = (owner: string) => {
    if (performance.now() - lastToldMs < tellEveryMs) return;
    lastToldMs = performance.now();
    log.warn("too many connections; the newest are cut off", { owner });
  };
  const countFor = (socket: Socket, origin: string, owner: string, limit: number) => {
    const before = ownerByOrigin.get(origin);
    if (before !== undefined) change(before, -1);
    ownerByOrigin.set(origin, owner);
    if (change(owner, 1) <= limit) return;
    tell(owner);
    socket.destroy();
  };
  server.maxConnections = limits.total;
  server.on("drop", () => tell("all together"));
  server.on("connection", (socket: Socket) => {
    const origin = originOf(socket);
    socket.once("close", () => {
      const owner = ownerByOrigin.get(origin);
      if (owner !== undefined) change(owner, -1);
      ownerByOrigin.delete(origin);
    });
    countFor(socket, origin, `address ${socket.remoteAddress}`, limits.perAddress);
  });
  server.on("secureConnection", (socket: TLSSocket) => {
    const origin = originOf(socket);
    if (!socket.authorized || !ownerByOrigin.has(origin)) return;
    const { O, CN } = socket.getPeerCertificate().subject;
    countFor(socket, origin, `${String(O)} ${String(CN)}`, limits.perIdentity);
  });
}

function originOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
