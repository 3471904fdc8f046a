import { readFileSync } from "node:fs";
import type { Command } from "commander";
import type { Target } from "../client/index.ts";
import { BadInput } from "./failure.ts";

type ServerOptions = { readonly server: string; readonly credentials?: string };

/** The server that a command is for: a unix socket on this host, or, with credentials, one that is reached by TLS. */
export async function targetOf(command: Command): Promise<Target> {
  const { server, credentials } = command.optsWithGlobals<ServerOptions>();
  const isUrl = server.startsWith("https://");
  if (credentials === undefined) {
    if (!isUrl) return { socketPath: server };
    throw new BadInput([`--server ${server}: give --credentials FILE as well, or name the server's unix socket`]);
  }
  const { parseCredentials } = await import("../client/index.ts");
  const read = parseCredentials(readText(credentials), credentials);
  return isUrl ? { ...read, server } : read;
}

/** The text of a file that the user names. */
export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new BadInput([`${path}: cannot be read (${reason})`]);
  }
}
