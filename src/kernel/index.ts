// The kernel's door for routing state, packet filters and settings: dumps, batches of changes, events, reconciliation.
// Must not decide what should be there or whose it is: callers bring what is wanted and how to know what is ours.
// Start at route-socket.ts (one batch, one dump) and route-sync.ts (wanted against present).
export { type FlowSocket, openFlowSocket } from "./flow-socket.ts";
export { type MonitorOptions, monitorRoutes } from "./monitor-routes.ts";
export { type NftEvent, type NftMonitorOptions, type NftSocket, monitorNft, openNftSocket } from "./nft-socket.ts";
export { type ChangeFailure, type RouteSocket, openRouteSocket } from "./route-socket.ts";
export { type Ownership, RouteSync, type SyncReport } from "./route-sync.ts";
export { type SysctlOptions, readSysctl, writeSysctl } from "./sysctl.ts";
export type { SyncedObjects } from "./synced-objects.ts";
