import { createRequire } from "node:module";
import type koffi from "koffi";

/** The C functions that node has no door to. Each gives -1 on failure; the reason is then in `errno()`. */
export type Libc = {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, sizeBytes: number): number;
  connect(fd: number, address: Uint8Array, sizeBytes: number): number;
  listen(fd: number, backlog: number): number;
  accept4(fd: number, address: Uint8Array, addressSize: Uint8Array, flags: number): number;
  shutdown(fd: number, how: number): number;
  send(fd: number, bytes: Uint8Array, sizeBytes: number, flags: number): number;
  /** The same on another thread; the octets must not change or move meanwhile. Of a failure it does not tell the errno. */
  sendAside(fd: number, bytes: Uint8Array, sizeBytes: number, flags: number): Promise<number>;
  recv(fd: number, bytes: Uint8Array, sizeBytes: number, flags: number): number;
  recvfrom(
    fd: number,
    bytes: Uint8Array,
    sizeBytes: number,
    flags: number,
    address: Uint8Array,
    addressSize: Uint8Array,
  ): number;
  /** `message` is a struct msghdr; see message-buffer.ts. */
  recvmsg(fd: number, message: Uint8Array, flags: number): number;
  sendmsg(fd: number, message: Uint8Array, flags: number): number;
  getsockname(fd: number, address: Uint8Array, addressSize: Uint8Array): number;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array, sizeBytes: number): number;
  getsockopt(fd: number, level: number, name: number, value: Uint8Array, sizeBytes: Uint8Array): number;
  close(fd: number): number;
  /** Of requests whose argument is a structure. */
  ioctl(fd: number, request: number, argument: Uint8Array): number;
  epollCreate1(flags: number): number;
  epollCtl(epoll: number, operation: number, fd: number, event: Uint8Array): number;
  epollWait(epoll: number, events: Uint8Array, maxEvents: number, timeoutMs: number): number;
  setns(fd: number, type: number): number;
  unshare(flags: number): number;
  mount(source: string, target: string, type: string, flags: number, data: string | null): number;
  umount2(target: string, flags: number): number;
  ifNameToIndex(name: string): number;
  /** Where the octets are in memory. They must be those of an ArrayBuffer of their own, and be held on to. */
  addressOf(bytes: Uint8Array): bigint;
  errno(): number;
  poll(fd: number): PollHandle;
};

/** A wrapper of uv_poll_t. Calling anything after `close` crashes the process: only fd-watcher.ts may touch it. */
export type PollHandle = {
  start(wanted: { readable?: boolean; writable?: boolean }, callback: () => void): void;
  stop(): void;
  close(): void;
};

let loaded: Libc | undefined;

/** Loads koffi at the first call, so that programs which never go native start fast. */
export function libc(): Libc {
  loaded ??= load();
  return loaded;
}

function load(): Libc {
  const native: typeof koffi = createRequire(import.meta.url)("koffi");
  // The node process itself is linked to its libc, whichever one that is (glibc or musl).
  const library = native.load(null);
  const send = library.func("int64_t send(int, const void *, size_t, int)");
  return {
    socket: library.func("int socket(int, int, int)"),
    bind: library.func("int bind(int, const void *, uint32_t)"),
    connect: library.func("int connect(int, const void *, uint32_t)"),
    listen: library.func("int listen(int, int)"),
    accept4: library.func("int accept4(int, void *, void *, int)"),
    shutdown: library.func("int shutdown(int, int)"),
    send,
    sendAside: (fd, bytes, sizeBytes, flags) =>
      new Promise((resolve, reject) => {
        send.async(fd, bytes, sizeBytes, flags, (error: Error | null, size: number) =>
          error === null ? resolve(size) : reject(error),
        );
      }),
    recv: library.func("int64_t recv(int, void *, size_t, int)"),
    recvfrom: library.func("int64_t recvfrom(int, void *, size_t, int, void *, void *)"),
    recvmsg: library.func("int64_t recvmsg(int, void *, int)"),
    sendmsg: library.func("int64_t sendmsg(int, const void *, int)"),
    getsockname: library.func("int getsockname(int, void *, void *)"),
    setsockopt: library.func("int setsockopt(int, int, int, const void *, uint32_t)"),
    getsockopt: library.func("int getsockopt(int, int, int, void *, void *)"),
    close: library.func("int close(int)"),
    ioctl: library.func("int ioctl(int, unsigned long, void *)"),
    epollCreate1: library.func("int epoll_create1(int)"),
    epollCtl: library.func("int epoll_ctl(int, int, int, void *)"),
    epollWait: library.func("int epoll_wait(int, void *, int, int)"),
    setns: library.func("int setns(int, int)"),
    unshare: library.func("int unshare(int)"),
    mount: library.func("int mount(const char *, const char *, const char *, unsigned long, const char *)"),
    umount2: library.func("int umount2(const char *, int)"),
    ifNameToIndex: library.func("unsigned int if_nametoindex(const char *)"),
    addressOf: (bytes) => native.address(bytes),
    errno: () => native.errno(),
    poll: (fd) => {
      // A handle starts at once; stopped at once it waits for the first wish.
      const handle = native.node.poll(fd, { readable: true }, () => undefined);
      handle.stop();
      return handle;
    },
  };
}
