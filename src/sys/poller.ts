import { checkCall } from "./errno.ts";
import { type PollHandle, libc } from "./libc.ts";

const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
const EPOLLIN = 1;
const EPOLLOUT = 4;
const EINTR = 4;
/** struct epoll_event is packed on x86 alone. */
const eventBytes = process.arch === "x64" ? 12 : 16;
const dataOffset = eventBytes - 8;
/** Asked for with one call. */
const maxEvents = 256;

/** `isWritable` comes alone; in all other cases, errors too, there is something to be read. */
export type Readiness = { readonly isReadable: boolean; readonly isWritable: boolean };

/** A descriptor that is watched until disposed, which must be before it is closed. Reading is always of interest. */
export interface Watch extends Disposable {
  wantWrite(isWanted: boolean): void;
}

/**
 * Thousands of descriptors behind one that the event loop waits for: which of them are ready is asked with one call for
 * many. Ready is told again and again until it is no more; the kernel puts those it has told of at the end of its list, so
 * that with a bounded number a call nobody is left out.
 */
export class Poller implements Disposable {
  readonly #epoll: number;
  readonly #handle: PollHandle;
  readonly #event = new Uint8Array(eventBytes);
  readonly #events = new Uint8Array(maxEvents * eventBytes);
  readonly #view = new DataView(this.#events.buffer);
  /** Numbers are not used twice: an event that was read for a descriptor that is closed since finds nobody. */
  readonly #handlers = new Map<number, (readiness: Readiness) => void>();
  #lastToken = 0;
  /** Events that were read and not handled yet. */
  #next = 0;
  #count = 0;
  #isDisposed = false;

  /** `onReady` is called from the event loop, once a round for as long as something is ready; it must not throw. */
  constructor(onReady: () => void) {
    this.#epoll = checkCall(libc().epollCreate1(EPOLL_CLOEXEC), "making an epoll descriptor");
    this.#handle = libc().poll(this.#epoll);
    this.#handle.start({ readable: true }, onReady);
  }

  watch(fd: number, isWriteWanted: boolean, onReady: (readiness: Readiness) => void): Watch {
    const token = ++this.#lastToken;
    this.#control(EPOLL_CTL_ADD, fd, token, isWriteWanted);
    this.#handlers.set(token, onReady);
    return {
      wantWrite: (isWanted) => this.#control(EPOLL_CTL_MOD, fd, token, isWanted),
      [Symbol.dispose]: () => {
        if (this.#handlers.delete(token)) this.#control(EPOLL_CTL_DEL, fd, token, false);
      },
    };
  }

  /** Calls the handlers of what is ready, about once each, until all had their turn or `mayGoOn` says no; then the rest is first the next time. */
  dispatch(mayGoOn: () => boolean): void {
    // The kernel tells of everybody before it tells of anybody again.
    let left = this.#handlers.size;
    for (let isLast = false; ; ) {
      for (; this.#next < this.#count && left > 0; left--) {
        if (this.#isDisposed || !mayGoOn()) return;
        this.#handleNext();
      }
      // What is left over then was told of before.
      this.#count = 0;
      if (isLast || left <= 0 || this.#isDisposed) return;
      this.#ask();
      isLast = this.#count < maxEvents;
    }
  }

  [Symbol.dispose](): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#handlers.clear();
    this.#handle.close();
    libc().close(this.#epoll);
  }

  #ask(): void {
    this.#next = 0;
    this.#count = 0;
    const count = libc().epollWait(this.#epoll, this.#events, maxEvents, 0);
    if (count < 0 && libc().errno() === EINTR) return;
    this.#count = checkCall(count, "asking which sockets are ready");
  }

  #handleNext(): void {
    const offset = this.#next++ * eventBytes;
    const events = this.#view.getUint32(offset, true);
    const onReady = this.#handlers.get(this.#view.getUint32(offset + dataOffset, true));
    onReady?.({ isReadable: (events & ~EPOLLOUT) !== 0, isWritable: (events & EPOLLOUT) !== 0 });
  }

  #control(operation: number, fd: number, token: number, isWriteWanted: boolean): void {
    if (this.#isDisposed) return;
    const view = new DataView(this.#event.buffer);
    view.setUint32(0, EPOLLIN | (isWriteWanted ? EPOLLOUT : 0), true);
    view.setUint32(dataOffset, token, true);
    checkCall(libc().epollCtl(this.#epoll, operation, fd, this.#event), "watching a socket");
  }
}
