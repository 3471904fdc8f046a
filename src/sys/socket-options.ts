import { checkCall } from "./errno.ts";
import { libc } from "./libc.ts";

/** Levels, option names and flags of <sys/socket.h> and its kin; the same numbers on every machine we run on. */
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_ERROR = 4;
export const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_BINDTODEVICE = 25;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
export const SOCK_STREAM = 1;
export const SOCK_RAW = 3;
/** SOCK_CLOEXEC and SOCK_NONBLOCK. */
export const SOCK_FLAGS = 0o2000000 | 0o4000;
const SIOCGIFNAME = 0x8910;
export const MSG_TRUNC = 0x20;

/** Sets an option that is an int. */
export function setOption(fd: number, level: number, name: number, value: number, what: string): void {
  checkCall(libc().setsockopt(fd, level, name, int32(value), 4), what);
}

export function getOption(fd: number, level: number, name: number, what: string): number {
  const value = new Uint8Array(4);
  checkCall(libc().getsockopt(fd, level, name, value, int32(4)), what);
  return new DataView(value.buffer).getInt32(0, true);
}

export function bindToDevice(fd: number, linkName: string): void {
  const name = new TextEncoder().encode(`${linkName}\0`);
  const result = libc().setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, name.length);
  checkCall(result, `binding a socket to the interface ${linkName}`, { link: linkName });
}

/** Asked of the socket, so that it is the name in the socket's own network namespace. Undefined when the link is gone. */
export function linkNameOf(fd: number, linkIndex: number): string | undefined {
  const request = new Uint8Array(40);
  new DataView(request.buffer).setInt32(16, linkIndex, true);
  if (libc().ioctl(fd, SIOCGIFNAME, request) < 0) return undefined;
  return new TextDecoder().decode(request.subarray(0, request.subarray(0, 16).indexOf(0)));
}

/** Beyond the system's limit where we may (never in a user namespace), else as much as the limit allows. */
export function setBufferSize(fd: number, direction: "send" | "receive", sizeBytes: number): void {
  const force = direction === "send" ? SO_SNDBUFFORCE : SO_RCVBUFFORCE;
  if (libc().setsockopt(fd, SOL_SOCKET, force, int32(sizeBytes), 4) === 0) return;
  setOption(fd, SOL_SOCKET, direction === "send" ? SO_SNDBUF : SO_RCVBUF, sizeBytes, "setting a socket's buffer");
}

export function int32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return bytes;
}
