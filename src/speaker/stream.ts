import type { ConnectionId } from "../bgp/index.ts";
import type { TcpSocket, Watch } from "../sys/index.ts";

/**
 * More than this waiting here, behind what the kernel holds, and the core is told to keep its routes: a turn's worth of
 * messages for a peer that reads passes below it, and 1,000 peers that do not read cost 256 MiB at the very most, in truth
 * next to nothing, since what waits is shared between them.
 */
const blockedBytes = 256 * 1024;
/** Down to this the core is told to go on: the kernel's buffer is full still, so that the line does not fall idle. */
const drainedBytes = 64 * 1024;
/**
 * The kernel is full and has taken nothing for as long: whoever is at the other end does not read, however little waits here.
 * The core must know, since the send hold time of RFC 9687 counts from then.
 */
const stuckMs = 10_000;
/** Pieces smaller than this are cheaper copied together than given to the kernel one by one. */
const joinBytes = 16 * 1024;
/** Where they are copied to. What is in it is of no meaning after the system call. */
const joined = new Uint8Array(64 * 1024);

/** A connection that stands, and what is still to be written to it. The pieces are shared with other streams: nobody writes into them. */
export class Stream {
  readonly id: ConnectionId;
  readonly socket: TcpSocket;
  readonly watch: Watch;
  /** Something was written since the last `flush`. */
  isDirty = false;
  /** Anything was written at all. */
  hasSpoken = false;
  #isClosed = false;
  #pieces: Uint8Array[] = [];
  #waitingBytes = 0;
  #isWriteWanted = false;
  #isBlocked = false;
  /** When the kernel took something last while more waited. */
  #fullSinceMs = 0;

  constructor(id: ConnectionId, socket: TcpSocket, watch: Watch) {
    this.id = id;
    this.socket = socket;
    this.watch = watch;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get isEmpty(): boolean {
    return this.#waitingBytes === 0;
  }

  /** The kernel has said that it is full, and nothing else since. */
  get isWaiting(): boolean {
    return this.#isWriteWanted;
  }

  write(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.hasSpoken = true;
    this.#pieces.push(bytes);
    this.#waitingBytes += bytes.length;
  }

  /** Gives the kernel what it takes. Tells when the stream has become blocked, or is so no more. Throws TT_KERNEL when it is broken. */
  flush(nowMs: number): "blocked" | "drained" | undefined {
    const beforeBytes = this.#waitingBytes;
    let done = 0;
    while (done < this.#pieces.length) {
      const [piece, count] = this.#nextPiece(done);
      const size = this.socket.write(piece, piece.length < this.#waitingBytes);
      this.#waitingBytes -= size;
      if (size < piece.length) {
        done += this.#skip(done, size);
        break;
      }
      done += count;
    }
    this.#pieces = done === this.#pieces.length ? [] : this.#pieces.slice(done);
    if (!this.#isWriteWanted || this.#waitingBytes < beforeBytes) this.#fullSinceMs = nowMs;
    this.#wantWrite(this.#pieces.length > 0);
    return this.#judge();
  }

  /** In place of `flush` while the kernel is full. */
  wait(nowMs: number): "blocked" | undefined {
    const isStuck = nowMs - this.#fullSinceMs >= stuckMs || this.#waitingBytes > blockedBytes;
    if (this.#isBlocked || !isStuck) return undefined;
    this.#isBlocked = true;
    return "blocked";
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#pieces = [];
    this.watch[Symbol.dispose]();
    this.socket[Symbol.dispose]();
  }

  /** The next octets for one system call, and of how many of the pieces they are. */
  #nextPiece(from: number): [piece: Uint8Array, count: number] {
    const first = this.#pieces[from] ?? joined.subarray(0, 0);
    const second = this.#pieces[from + 1];
    if (second === undefined || first.length + second.length > joinBytes) return [first, 1];
    let sizeBytes = 0;
    let count = 0;
    for (; from + count < this.#pieces.length; count++) {
      const piece = this.#pieces[from + count];
      if (piece === undefined || piece.length > joinBytes || sizeBytes + piece.length > joined.length) break;
      joined.set(piece, sizeBytes);
      sizeBytes += piece.length;
    }
    return [joined.subarray(0, sizeBytes), count];
  }

  /** Of so many octets that were taken: how many pieces that were. Of one that was taken in part the rest is left. */
  #skip(from: number, sizeBytes: number): number {
    let rest = sizeBytes;
    for (let count = 0; ; count++) {
      const piece = this.#pieces[from + count];
      if (piece === undefined || rest === 0) return count;
      if (piece.length > rest) {
        this.#pieces[from + count] = piece.subarray(rest);
        return count;
      }
      rest -= piece.length;
    }
  }

  #wantWrite(isWanted: boolean): void {
    if (isWanted === this.#isWriteWanted) return;
    this.#isWriteWanted = isWanted;
    this.watch.wantWrite(isWanted);
  }

  #judge(): "blocked" | "drained" | undefined {
    if (!this.#isBlocked && this.#waitingBytes > blockedBytes) {
      this.#isBlocked = true;
      return "blocked";
    }
    if (this.#isBlocked && this.#waitingBytes <= drainedBytes) {
      this.#isBlocked = false;
      return "drained";
    }
    return undefined;
  }
}
