// Bidirectional Forwarding Detection without I/O (RFC 5880, 5881, 5883), asynchronous mode: octets and time in, octets out.
// Must not know sockets, clocks or BGP; whoever sends and waits for it is speaker/.
// Start at bfd-core.ts: its `step` is the whole machine; session.ts is one session's life.
export {
  BfdCore,
  type BfdInput,
  type BfdOutput,
  type BfdPath,
  type BfdPeer,
  type BfdSessionStatus,
  type BfdStatus,
} from "./bfd-core.ts";
export { type BfdDiagnostic, type BfdPacket, type BfdState, decodeBfdPacket, encodeBfdPacket } from "./packet.ts";
export type { BfdTiming } from "./session.ts";
