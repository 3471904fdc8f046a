// The API from the other side: requests, watches, and the informer that keeps a view of the cluster through every failure.
// Must not decide anything about what the resources mean, and must not keep more of them than it has yet to deliver.
// Start at watch-resources.ts, the informer; api-client.ts is the plain client under it.
export {
  type ApiClient,
  type ObjectId,
  type Patch,
  type ResourceList,
  type Selection,
  type UnreadableObject,
  type WatchEvent,
  type WriteOptions,
  connect,
} from "./api-client.ts";
export {
  type CreatedToken,
  type CredentialsOrder,
  type NewKey,
  createCredentials,
  createJoinToken,
  joinCluster,
  makeKey,
  renewCredentials,
} from "./access-client.ts";
export {
  type Credentials,
  formatCredentials,
  parseCredentials,
  subjectOfCertificate,
  validityOf,
} from "./credentials.ts";
export { SessionSecrets } from "./session-secrets.ts";
export type { ResourceEvent } from "./resource-view.ts";
export type { Target } from "./transport.ts";
export { type WatchResourcesOptions, watchResources } from "./watch-resources.ts";
export { askAgent, askAgentLines } from "./ask-agent.ts";
