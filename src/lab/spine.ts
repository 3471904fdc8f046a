import { readFileSync } from "node:fs";
import type { RouteUpdate } from "../bgp/index.ts";
import { openRouteSocket } from "../kernel/index.ts";
import { type Logger, type Random, TortieError, formatProblem } from "../lib/index.ts";
import { openSpeaker } from "../speaker/index.ts";
import type { SpineConfig } from "./lab-part.ts";
import { decodeSpineConfig, originatedRoutes, speakerConfig } from "./spine-config.ts";
import { SpineRoutes } from "./spine-routes.ts";

export type RunSpineOptions = {
  /** A JSON file, read again on SIGHUP. */
  readonly configPath: string;
  readonly log: Logger;
  readonly random: Random;
  readonly signal: AbortSignal;
};

/**
 * A router of the lab's fabric: speaks BGP with its hosts and puts what it learns into the kernel of its namespace.
 * After a death it finds its routes there, goes on forwarding by them and asks its hosts to do the same.
 */
export async function runSpine(options: RunSpineOptions): Promise<void> {
  const { log } = options;
  const config = readConfig(options.configPath);
  using socket = openRouteSocket();
  await using routes = new SpineRoutes(socket, log);
  const isRestart = await routes.adopt();
  await using speaker = await openSpeaker({
    ...options,
    config: speakerConfig(config),
    isRestart,
    onRoutes: (updates: readonly RouteUpdate[]) => routes.update(updates),
    onPeer: ({ name, state, lastError }) => log.debug("peer changed", { peer: name, state, lastError }),
    onRestartEnd: (family) => routes.endRestart(family),
  });
  speaker.originate(originatedRoutes(config));
  const reload = () => {
    const next = readConfig(options.configPath);
    speaker.configure(speakerConfig(next));
    speaker.originate(originatedRoutes(next));
    log.info("configuration read again", { sessions: next.sessions.length });
  };
  process.on("SIGHUP", reload);
  try {
    await untilAborted(options.signal);
  } finally {
    process.off("SIGHUP", reload);
  }
}

function readConfig(path: string): SpineConfig {
  const decoded = decodeSpineConfig(JSON.parse(readFileSync(path, "utf8")));
  if (decoded.ok) return decoded.value;
  throw new TortieError("TT_CONFIG", `${path}: ${decoded.problems.map(formatProblem).join("; ")}`);
}

function untilAborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  else signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}
