import { spawnSync } from "node:child_process";
import { join } from "node:path";
import type { Row } from "./bench.ts";
import { type HostSizes, agentStart } from "./host-sizes.ts";

/** What the agent's host loop is and does when everything is programmed and nothing happens: a process of its own. */
export function idleScene(report: (row: Row) => void, sizes: HostSizes): void {
  const program = join(import.meta.dirname, "host-idle-agent.ts");
  const { idleMs, ...rest } = sizes;
  const args = ["--net", process.execPath, ...agentStart.flags, program, JSON.stringify({ ...rest, idleMs })];
  const done = spawnSync("unshare", args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...agentStart.env },
  });
  const [rssMb = Number.NaN, cpuPercent = Number.NaN] = done.stdout.split(" ").map(Number);
  const { endpoints, policies, routes } = sizes;
  const place = `host loop with ${endpoints} workloads, ${policies} policies, ${routes} routes (no server, no BGP session)`;
  report({ what: `${place}: memory`, unit: "MB", ours: rssMb, target: "<= 200 for the whole agent" });
  report({ what: "the processor's share of it, idle", unit: "%", ours: cpuPercent, target: "< 1" });
}
