import { once } from "node:events";
import { mkdirSync, rmSync, statSync } from "node:fs";
import { type Server, connect } from "node:net";
import { dirname } from "node:path";
import { TortieError } from "../lib/index.ts";

/** The kernel refuses connections beyond it (EAGAIN); as many as it lets one ask for, for when all agents come back at once. */
const backlog = 4096;

/**
 * Listens on a unix socket that only its owner may use. What a process that died has left there is replaced; TT_CONFIG when
 * somebody answers there, or when it is no socket at all.
 */
export async function listenOnSocket(server: Server, path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const present = statSync(path, { throwIfNoEntry: false });
  if (present !== undefined) {
    if (!present.isSocket()) {
      throw new TortieError("TT_CONFIG", `${path} is there and is no socket`, {
        hint: "remove it, or choose another place for the socket",
      });
    }
    if (await isAnswering(path)) {
      throw new TortieError("TT_CONFIG", `somebody answers at ${path} already`, {
        hint: "stop whoever it is, or choose another place for the socket",
      });
    }
    rmSync(path, { force: true });
  }
  // The socket is bound within this call, and never has another mode than 0600.
  const umask = process.umask(0o177);
  try {
    server.listen({ path, backlog });
  } finally {
    process.umask(umask);
  }
  await once(server, "listening");
}

/** Only a refusal tells that nobody is there; a full backlog, for one, tells the opposite. */
function isAnswering(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(path);
  socket.once("connect", () => {
    socket.destroy();
    resolve(true);
  });
  socket.once("error", (error) =>
    resolve(!("code" in error && (error.code === "ECONNREFUSED" || error.code === "ENOENT"))),
  );
  return promise;
}
