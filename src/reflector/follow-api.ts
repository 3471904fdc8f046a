import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { SpeakerConfig } from "../bgp/index.ts";
import { type BgpWanted, CalcGraph } from "../calc/index.ts";
import { SessionSecrets, type Target, connect, watchResources } from "../client/index.ts";
import { CoalescingQueue, type Logger, type Random, TaskGroup } from "../lib/index.ts";
import { type Kind, type Resource, keyOf, resourceKey } from "../resources/index.ts";
import { defaults } from "./settings.ts";

/** What sessions and reflection depend on. */
const watchedKinds: readonly Kind[] = ["Node", "IPPool", "BGPConfiguration", "BGPFilter", "BGPPeer"];
/** For Secrets, which are asked for when it is known which. */
const secretsMs = 3000;

export type FollowApiOptions = {
  /** The Node that this reflector is. */
  readonly node: string;
  readonly target: Target;
  readonly log: Logger;
  readonly random: Random;
};

/** What the cluster's resources say about the reflector's Node, and again whenever they say something else. */
export async function* followApi(
  options: FollowApiOptions,
  signal: AbortSignal,
): AsyncGenerator<SpeakerConfig, void, void> {
  const { node, log } = options;
  const graph = new CalcGraph({ node });
  const changes = new CoalescingQueue<"graph", true>();
  await using tasks = new TaskGroup(signal);
  tasks.start((until) => feedGraph(graph, { ...options, tasks }, () => changes.push("graph", true), until));
  let present: SpeakerConfig | undefined;
  while (!tasks.signal.aborted) {
    await changes.take(1, tasks.signal);
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
  // Only a bug of ours gets here as a failure.
  if (!signal.aborted) await tasks.wait();
}

async function feedGraph(
  graph: CalcGraph,
  { node, target, log, random, tasks }: FollowApiOptions & { readonly tasks: TaskGroup },
  onChange: () => void,
  signal: AbortSignal,
): Promise<void> {
  using client = connect(target);
  const put = (key: string, resource: Resource | undefined) => {
    graph.onResource(key, resource);
    onChange();
  };
  const secrets = new SessionSecrets({ node, client, log, random, tasks, onSecret: put });
  let isSynced = false;
  for await (const event of watchResources(client, watchedKinds, { signal, log, random })) {
    if (event.type === "put" || event.type === "delete") {
      const resource = event.type === "put" ? event.resource : undefined;
      const key = event.type === "put" ? keyOf(event.resource) : resourceKey(event);
      put(key, resource);
      if (secrets.onResource(key, resource) && isSynced) secrets.refresh();
    } else if (event.type === "synced") {
      secrets.refresh();
      await Promise.race([secrets.answered(), sleep(secretsMs, undefined, { signal }).catch(() => undefined)]);
      isSynced = true;
      graph.onSynced();
      onChange();
    } else if (event.type === "disconnected") log.warn("the server is away; the settings of before stay");
  }
}

function configOf({
  sessions,
  localAs,
  routerId,
  listenPort,
  listenAddresses,
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
    ...(listenAddresses === undefined ? {} : { listenAddresses }),
    ...(nextHop4 === undefined ? {} : { nextHop4 }),
    ...(nextHop6 === undefined ? {} : { nextHop6 }),
  };
}
