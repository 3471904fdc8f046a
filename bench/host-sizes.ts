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
