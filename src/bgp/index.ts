// BGP without I/O: codec, state machines, routing table, decision, export. Bytes and time in, bytes and timers out.
// Must not know sockets, clocks, resources or the kernel.
// Start at speaker-core.ts: its `step` is the whole machine; message.ts is the way into the codec.
export {
  type BestPath,
  type BfdConfig,
  type DecidingStep,
  type Family,
  type LargeCommunity,
  type NextHopMode,
  type OriginatedRoute,
  type PeerConfig,
  type PeerRange,
  type PeerState,
  type PeerStatus,
  type PeerType,
  type PrefixRange,
  type RibPath,
  type RibRow,
  type RouteMatch,
  type RoutePolicy,
  type RouteQuery,
  type RouteRule,
  type RouteSet,
  type RouteUpdate,
  type SessionConfig,
  type SpeakerConfig,
  allFamilies,
} from "./config.ts";
export { type MessageContext, type MessageDescription, describeMessage } from "./describe-message.ts";
export { encodeMessage } from "./encode-message.ts";
export { type Notification, describeNotification } from "./notification.ts";
export { PasswordMask, type RecordedLine, parseRecordedLine, startLine, writeRecordedLine } from "./recording.ts";
export { SpeakerCore, type SpeakerCoreOptions } from "./speaker-core.ts";
export { warmUp } from "./warm-up.ts";
export { type ConnectionId, type SpeakerInput, type SpeakerOutput, splitTimerName } from "./steps.ts";
