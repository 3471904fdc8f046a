import { NetlinkWriter } from "../lib/index.ts";
import type { NftChange } from "./change.ts";
import { encodeChange } from "./encode-change.ts";
import { messages, netlink, nftSubsystem } from "./numbers.ts";

/** One transaction: one sendmsg. */
export type NftBatch = {
  readonly bytes: Uint8Array;
  /** Of the first message, BATCH_BEGIN: an error with it is one of the whole transaction. */
  readonly firstSequence: number;
  /** Of the last message before BATCH_END, which asks for an answer: when it is here the transaction is over. */
  readonly lastSequence: number;
  /** The change behind each message, from `firstSequence + 1` on. */
  readonly changes: readonly NftChange[];
};

export type EncodeOptions = {
  /** Sequence number of the first message; the others count on from there. */
  readonly firstSequence: number;
  /** The longest batch the socket takes. */
  readonly maxBytes: number;
};

type Encoded = { readonly message: Uint8Array; readonly change: NftChange };

/** BATCH_BEGIN and BATCH_END: struct nlmsghdr and struct nfgenmsg each. */
const frameBytes = 40;

/**
 * The changes as one transaction, or as few as fit. A border between two never lies before a change that is joined to
 * the one before it; each prefix of what diffTables makes leaves a table that lets nothing through that neither the old
 * nor the new one does. Only joined changes of elements that are longer than a batch by themselves are cut all the same.
 */
export function encodeChanges(changes: readonly NftChange[], options: EncodeOptions): NftBatch[] {
  const room = options.maxBytes - frameBytes;
  const batches: NftBatch[] = [];
  let sequence = options.firstSequence;
  let held: Encoded[] = [];
  let heldBytes = 0;
  const finish = () => {
    if (held.length === 0) return;
    const batch = frameBatch(held, sequence);
    sequence = batch.lastSequence + 2;
    batches.push(batch);
    held = [];
    heldBytes = 0;
  };
  for (const piece of unsplittablePieces(changes, room)) {
    const size = piece.reduce((sum, { message }) => sum + message.length, 0);
    if (heldBytes + size > room) finish();
    held.push(...piece);
    heldBytes += size;
  }
  finish();
  return batches;
}

function* unsplittablePieces(changes: readonly NftChange[], room: number): Generator<Encoded[]> {
  let piece: Encoded[] = [];
  for (const change of changes) {
    const encoded = encodeChange(change).map((message) => ({ message, change }));
    if (change.isJoined !== true) {
      yield* cutWhenTooLong(piece, room);
      piece = [];
    }
    piece.push(...encoded);
  }
  yield* cutWhenTooLong(piece, room);
}

function* cutWhenTooLong(piece: Encoded[], room: number): Generator<Encoded[]> {
  const size = piece.reduce((sum, { message }) => sum + message.length, 0);
  const isOfElements = piece.every(({ change }) => change.type === "addElements" || change.type === "deleteElements");
  if (size > room && isOfElements) for (const encoded of piece) yield [encoded];
  else if (piece.length > 0) yield piece;
}

function frameBatch(held: readonly Encoded[], firstSequence: number): NftBatch {
  const writer = new NetlinkWriter(held.reduce((sum, { message }) => sum + message.length, frameBytes) + 8);
  writeFrame(writer, messages.batchBegin, firstSequence);
  for (const { message } of held) writer.header(message);
  writeFrame(writer, messages.batchEnd, firstSequence + held.length + 1);
  const bytes = writer.bytes();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = frameBytes / 2;
  for (const [i, { message }] of held.entries()) {
    view.setUint32(offset + 8, firstSequence + 1 + i, true);
    // Older kernels ignore the flag on BATCH_END; on the last message it is answered when all is committed.
    if (i === held.length - 1) view.setUint16(offset + 6, view.getUint16(offset + 6, true) | netlink.flagAck, true);
    offset += message.length;
  }
  return { bytes, firstSequence, lastSequence: firstSequence + held.length, changes: held.map(({ change }) => change) };
}

/** struct nfgenmsg with the subsystem as resource, in network order. */
function writeFrame(writer: NetlinkWriter, type: number, sequence: number): void {
  writer.message(type, netlink.flagRequest, sequence, () => writer.header([0, 0, 0, nftSubsystem]));
}
