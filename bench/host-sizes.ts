/** As bin/tortie starts an agent. */
export const agentStart = {
  flags: ["--max-semi-space-size=4", "--heap-growing-percent=50"],
  env: { MALLOC_ARENA_MAX: "1" },
} as const;

/** How much of everything there is. */
export type HostSizes = {
  readonly rounds: number;
  readonly routes: number;
  readonly members: number;
  readonly workloads: number;
  readonly policies: number;
  readonly endpoints: number;
  readonly cidrs: number;
  readonly idleMs: number;
};
