import { setTimeout as sleep } from "node:timers/promises";
import { tableName } from "../dataplane/index.ts";
import { monitorNft, monitorRoutes } from "../kernel/index.ts";
import { type Random, type TaskGroup, TortieError, backoffMs } from "../lib/index.ts";
import type { HostLoop } from "./host-loop.ts";

const groups = ["links", "addresses", "neighbours", "nextHops", "routes", "settings"] as const;
/** Who loses events again so soon after is in a storm of them: reading everything all the time would only add to it. */
const calmMs = 10_000;
const pause = { baseMs: 100, maxMs: 2000 } as const;

type Watched = {
  readonly loop: Pick<HostLoop, "onKernelEvents" | "onEventsLost" | "requestAudit">;
  /** Of the sockets by which the loop itself makes changes. */
  readonly routePort: number;
  readonly nftPort: number;
  readonly random: Random;
};

/** Tells the loop what happens in the kernel. The monitors listen before this returns: no dump made later misses anything. */
export function watchKernel(tasks: TaskGroup, { loop, routePort, nftPort, random }: Watched): void {
  tasks.start(async (signal) => {
    let storms = 0;
    let lostAtMs = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      try {
        for await (const events of monitorRoutes({ groups, signal, ownPortId: routePort })) loop.onKernelEvents(events);
      } catch (error) {
        if (!(error instanceof TortieError) || error.code !== "TT_KERNEL_OVERRUN") throw error;
        storms = performance.now() - lostAtMs < calmMs ? storms + 1 : 0;
        lostAtMs = performance.now();
        if (storms > 0) {
          const waitMs = backoffMs(storms, pause.baseMs, pause.maxMs, random);
          await sleep(waitMs, undefined, { signal }).catch(() => undefined);
        }
        // The next monitor is opened in this turn of the event loop, before the reading begins.
        loop.onEventsLost();
      }
    }
  });
  tasks.start(async (signal) => {
    for await (const event of monitorNft({ table: tableName, ownPortIds: [nftPort], signal })) {
      if (event.type === "overrun") loop.onEventsLost();
      else loop.requestAudit();
    }
  });
}
