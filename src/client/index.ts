// The API from the other side: requests, watches, and the informer that keeps a view of the cluster through every failure.
// Must not decide anything about what the resources mean, and must not keep more of them than it has yet to deliver.
// Start at watch-resources.ts, the informer; api-client.ts is the plain client under it.
export {
  type ApiClient,
  type ObjectId,
  type ResourceList,
  type UnreadableObject,
  type WatchEvent,
  connect,
} from "./api-client.ts";
export type { ResourceEvent } from "./resource-view.ts";
export type { Target } from "./transport.ts";
export { type WatchResourcesOptions, watchResources } from "./watch-resources.ts";
export { askAgent } from "./ask-agent.ts";
