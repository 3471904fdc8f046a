// The API: Kubernetes-shaped HTTP on a unix socket over a store, with watches served from memory.
// Must not hold rules of a kind (they are in resources/) and must not touch SQL (that is store/).
// Start at start-server.ts, then handle-request.ts; watch-cache.ts explains how a change reaches every watcher.
export { type InitOptions, initAuthority } from "./authority.ts";
export { type RunServerOptions, runServer } from "./run-server.ts";
export { type Server, type ServerOptions, startServer } from "./start-server.ts";
