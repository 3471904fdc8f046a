import { assert } from "../lib/index.ts";
import type { MessageSink, Room } from "./update-writer.ts";

type Chunk = { readonly bytes: Buffer; readonly start: number; length: number };

/** A part of a log that one reader does not read, and what it reads in its place. */
export type Detour = {
  readonly from: number;
  to: number;
  /** Messages in the part. */
  skipped: number;
  readonly bytes?: Uint8Array;
  /** Messages in `bytes`. */
  readonly inserted: number;
};

const defaultChunkBytes = 4096;
/** What an idle log may keep. */
const restingBytes = 16_384;
/** Small enough that a slow socket, which holds on to the chunk of what it has not sent, holds on to little. */
const mostChunkBytes = 131_072;

/**
 * Whole messages, one behind the other, in chunks that all readers share: what they get are views, never copies. A
 * position is the number of octets before it since the beginning.
 */
export class MessageLog implements MessageSink {
  readonly #room: { bytes: Uint8Array; at: number } = { bytes: new Uint8Array(0), at: 0 };
  readonly #leastChunkBytes: number;
  #chunks: Chunk[] = [];
  #start = 0;
  #end = 0;
  #messageCount = 0;
  #lastRead: { readonly from: number; readonly to: number; readonly views: readonly Uint8Array[] } | undefined;

  /** A log of a few messages may begin with less than others. */
  constructor(leastChunkBytes = defaultChunkBytes) {
    this.#leastChunkBytes = leastChunkBytes;
  }

  /** What is before is gone. */
  get start(): number {
    return this.#start;
  }

  get end(): number {
    return this.#end;
  }

  /** Of all messages ever added. */
  get messageCount(): number {
    return this.#messageCount;
  }

  /** Memory in use. */
  get sizeBytes(): number {
    return this.#chunks.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  add(length: number): Room {
    const chunk = this.#chunkFor(length, length);
    this.#room.bytes = chunk.bytes;
    this.#room.at = chunk.length;
    chunk.length += length;
    this.#end += length;
    this.#messageCount++;
    return this.#room;
  }

  /** About so many octets are about to be added: they are kept together as far as chunks go. */
  expect(length: number): void {
    if (length > 0) this.#chunkFor(Math.min(length, mostChunkBytes), length);
  }

  /** Everything from there to the end. */
  read(from: number): readonly Uint8Array[] {
    return this.#views(from, this.#end);
  }

  /** The same for a reader with detours, which stand in order. */
  readWith(from: number, detours: readonly Detour[]): readonly Uint8Array[] {
    if (detours.length === 0) return this.read(from);
    const views: Uint8Array[] = [];
    let at = from;
    for (const detour of detours) {
      if (at < detour.from) views.push(...this.#cut(at, detour.from));
      if (detour.bytes !== undefined) views.push(detour.bytes);
      at = detour.to;
    }
    if (at < this.#end) views.push(...this.#views(at, this.#end));
    return views;
  }

  /** Nobody reads what is before. */
  trim(to: number): void {
    if (to <= this.#start) return;
    this.#start = to;
    while (this.#chunks.length > 0) {
      const first = this.#chunks[0];
      // A chunk that is not full is still written to.
      if (first === undefined || first.start + first.length > to || this.#chunks.length === 1) return;
      this.#chunks.shift();
    }
  }

  /** Gives memory back when everything has been read. */
  rest(): void {
    if (this.#start < this.#end) return;
    if (this.sizeBytes > restingBytes) this.#chunks = [];
    this.#lastRead = undefined;
  }

  #chunkFor(length: number, wanted: number): Chunk {
    const last = this.#chunks.at(-1);
    if (last !== undefined && last.bytes.length - last.length >= length) return last;
    const sizeBytes = Math.max(Math.min(Math.max(wanted, this.#leastChunkBytes), mostChunkBytes), length);
    const chunk: Chunk = { bytes: Buffer.allocUnsafeSlow(sizeBytes), start: this.#end, length: 0 };
    this.#chunks.push(chunk);
    return chunk;
  }

  /** Most readers stand at the same place: they are given the same views. */
  #views(from: number, to: number): readonly Uint8Array[] {
    const last = this.#lastRead;
    if (last !== undefined && last.from === from && last.to === to) return last.views;
    const views = this.#cut(from, to);
    this.#lastRead = { from, to, views };
    return views;
  }

  #cut(from: number, to: number): Uint8Array[] {
    assert(from >= this.#start, "a reader is behind what is kept");
    const views: Uint8Array[] = [];
    let i = this.#chunks.length - 1;
    while (i > 0 && (this.#chunks[i]?.start ?? 0) > from) i--;
    for (; i < this.#chunks.length; i++) {
      const chunk = this.#chunks[i];
      if (chunk === undefined || chunk.start >= to) break;
      const begin = Math.max(from - chunk.start, 0);
      const end = Math.min(to - chunk.start, chunk.length);
      if (begin < end) views.push(chunk.bytes.subarray(begin, end));
    }
    return views;
  }
}
