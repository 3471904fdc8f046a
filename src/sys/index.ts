// The door to the operating system: sockets, namespaces, child processes in them, the log writer. The only native code.
// Must not decide anything or know a protocol's messages; loads koffi only when a call needs it.
// Start at libc.ts (the calls) and netlink-handle.ts (how a socket waits without blocking).
export {
  type Datagram,
  type DatagramReceiver,
  type DatagramSender,
  type Icmp6Options,
  type Icmp6Socket,
  type UdpSenderOptions,
  openIcmp6,
  openUdpReceiver,
  openUdpSender,
} from "./datagram-socket.ts";
export { errnoName } from "./errno.ts";
export { type HttpListenerOptions, listenHttp } from "./http-listener.ts";
export { type Answer, type AnswerRequest, serveSocket } from "./http-socket.ts";
export { type LineFile, openLineFile } from "./line-file.ts";
export { listenOnSocket } from "./listen-on-socket.ts";
export { type LogLevel, type LoggerOptions, createLogger } from "./logger.ts";
export {
  type OpenNamespace,
  inNamespace,
  makeNamespace,
  openNamespace,
  removeNamespace,
  spawnInNamespace,
} from "./namespace.ts";
export { type NetlinkHandle, type NetlinkOptions, openNetlink } from "./netlink-handle.ts";
export { type Frame, type PacketSocket, type PacketSocketOptions, openPacketSocket } from "./packet-socket.ts";
export { Poller, type Readiness, type Watch } from "./poller.ts";
export { type AcceptedTcp, type ListenOptions, TcpListener } from "./tcp-listener.ts";
export type { TcpOptions } from "./tcp-options.ts";
export { type ConnectOptions, TcpSocket } from "./tcp-socket.ts";
