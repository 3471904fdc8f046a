import { isDeepStrictEqual } from "node:util";
import type { SpeakerConfig } from "../bgp/index.ts";
import { type BgpWanted, CalcGraph } from "../calc/index.ts";
import { type Target, connect, watchResources } from "../client/index.ts";
import type { Logger, Random } from "../lib/index.ts";
import { type Kind, resourceKey, keyOf } from "../resources/index.ts";
import { defaults } from "./settings.ts";

/** What sessions and reflection depend on. */
const watchedKinds: readonly Kind[] = ["Node", "IPPool", "BGPConfiguration", "BGPPeer"];

export type FollowApiOptions = {
  /** The Node that this reflector is. */
  readonly node: string;
  readonly target: Target;
  readonly log: Logger;
  readonly random: Random;
};

/** What the cluster's resources say about the reflector's Node, and again whenever they say something else. */
export async function* followApi(
  { node, target, log, random }: FollowApiOptions,
  signal: AbortSignal,
): AsyncGenerator<SpeakerConfig, void, void> {
  using client = connect(target);
  const graph = new CalcGraph({ node });
  let present: SpeakerConfig | undefined;
  for await (const event of watchResources(client, watchedKinds, { signal, log, random })) {
    if (event.type === "put") graph.onResource(keyOf(event.resource), event.resource);
    else if (event.type === "delete") graph.onResource(resourceKey(event), undefined);
    else if (event.type === "synced") graph.onSynced();
    else if (event.type === "disconnected") log.warn("the server is away; the settings of before stay");
    for (const message of graph.flush()) {
      if (message.type !== "bgpUpdate") continue;
      const next = configOf(message);
      if (isDeepStrictEqual(next, present)) continue;
      if (present === undefined && next.peers.length === 0) {
        log.warn("no peers yet", {
          node,
          hint: "the Node needs an address and routeReflectorClusterID, and a BGPPeer has to select it",
        });
      }
      present = next;
      yield next;
    }
  }
}

function configOf({
  sessions,
  localAs,
  routerId,
  listenPort,
  nextHop4,
  nextHop6,
  exportWithin,
}: BgpWanted): SpeakerConfig {
  return {
    localAs,
    routerId,
    listenPort,
    restartTimeSeconds: defaults.restartTimeSeconds,
    exportWithin,
    peers: sessions,
    ...(nextHop4 === undefined ? {} : { nextHop4 }),
    ...(nextHop6 === undefined ? {} : { nextHop6 }),
  };
}
