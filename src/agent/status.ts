import type { PeerStatus, RibRow } from "../bgp/index.ts";
import type { EndpointStatus } from "../dataplane/index.ts";

export type EndpointReport = EndpointStatus & {
  /** Its rules and routes are in the kernel, and its interface is up. */
  readonly isReady: boolean;
  /** With `isReady`: what the server had written up to this version is in force, its policies and those of others. */
  readonly revision?: string;
};

/** How this host is doing, as the agent's socket tells it. */
export type AgentStatus = {
  readonly node: string;
  /** Milliseconds since the agent started. */
  readonly uptimeMs: number;
  /** Where its view of the cluster comes from; `none`: nothing is known yet, and the kernel is left as it is. */
  readonly source: "server" | "snapshot" | "none";
  readonly bgp: {
    readonly localAs: number | undefined;
    readonly routerId: string | undefined;
    /** `since` is milliseconds ago. */
    readonly peers: readonly PeerStatus[];
  };
  readonly endpoints: readonly EndpointReport[];
  /** What could not be programmed and is tried again. */
  readonly failures: readonly string[];
};

export type AgentRoutes = { readonly routes: readonly RibRow[] };
