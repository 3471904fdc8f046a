// Which address belongs to whom: pools, blocks that hosts claim, addresses in blocks, handles.
// Must not talk to the API itself: every operation is a generator that yields requests and is fed the answers.
// Start at request.ts, then auto-assign.ts (from pools to addresses) and block.ts (the arithmetic of one block).
export { type ReleaseResult, releaseBlockAffinity, releaseHostAffinities } from "./release-affinity.ts";
export { type AssignInput, type Assignment, autoAssign } from "./auto-assign.ts";
export { assignForHandle } from "./assign-for-handle.ts";
export { type HeldAddress, listHeldAddresses } from "./held-addresses.ts";
export { handleName } from "./handle-name.ts";
export { hostAffinity } from "./block.ts";
export { type AddressUse, type PoolNote } from "./choose-pools.ts";
export {
  type AddressToRelease,
  type ReleasedAddresses,
  type ReleasedHandle,
  releaseAddresses,
  releaseByHandle,
} from "./release.ts";
export type { IpamKind, IpamRecord, IpamRecordKind, IpamRequest, IpamResponse, IpamStep } from "./request.ts";
