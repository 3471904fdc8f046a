import {
  type MonitorGroup,
  type RouteEvent,
  linkEventTypes,
  monitorGroups,
  readRouteEvents,
} from "../netlink/index.ts";
import { openNetlink } from "../sys/index.ts";

const receiveBufferBytes = 16 * 1024 * 1024;
/** Datagrams taken at once, so that a flood of events does not keep everything else waiting. */
const datagramsPerBatch = 256;

export type MonitorOptions = {
  readonly groups: readonly MonitorGroup[];
  readonly signal: AbortSignal;
  /** What this socket does to anything but links is not told. */
  readonly ownPortId?: number | undefined;
  /** Path of a network namespace; default: the own one. */
  readonly netns?: string | undefined;
};

/**
 * What changes from the call on; the socket is open when this returns, so that a dump made afterwards misses nothing.
 * Ends when the signal aborts. Throws TT_KERNEL_OVERRUN when events were lost: open another one, then dump.
 */
export function monitorRoutes(options: MonitorOptions): AsyncIterable<RouteEvent[]> {
  const netlink = openNetlink({
    protocol: "route",
    netns: options.netns,
    groups: options.groups.flatMap((group) => [...monitorGroups[group]]),
    receiveBufferBytes,
    // After a big change of ours there are very many.
    deaf: options.ownPortId === undefined ? undefined : { toPortId: options.ownPortId, butTypes: linkEventTypes },
  });
  const { signal } = options;
  // Closed here as well as below: an iterator that nobody starts has no `finally`.
  signal.addEventListener("abort", () => netlink.close(), { once: true });
  if (signal.aborted) netlink.close();
  return (async function* () {
    try {
      while (!signal.aborted) {
        let datagram: Uint8Array | undefined = await netlink.receive(signal);
        const events: RouteEvent[] = [];
        for (let count = 0; datagram !== undefined; count++) {
          for (const event of readRouteEvents(datagram)) events.push(event);
          datagram = count < datagramsPerBatch ? netlink.receiveNow() : undefined;
        }
        if (events.length > 0) yield events;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      netlink.close();
    }
  })();
}
