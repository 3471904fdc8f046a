// usage: node relay-node.ts PORT AS ROUTER_ID
// The same work as relay.c on Node's own sockets: what a reflector in this runtime pays before it has thought of anything.
import { type Socket, createServer } from "node:net";

const [port = 1790, as = 64512, routerId = "10.0.0.1"] = process.argv.slice(2);
const headerLength = 19;
const marker = Buffer.alloc(16, 255);
const ownId = Buffer.from(String(routerId).split(".").map(Number));

type Peer = {
  readonly socket: Socket;
  originator: Buffer;
  isUp: boolean;
  rest: Buffer | undefined;
};

/** What the clients said in one turn of the event loop, as it goes on to all the others. */
type Batch = { readonly bytes: Buffer; readonly spans: ReadonlyMap<Peer, readonly Span[]> };
type Span = { readonly from: number; to: number };

const peers = new Set<Peer>();
const history: Batch[] = [];
let pending: Buffer[] = [];
let pendingLength = 0;
let spans = new Map<Peer, Span[]>();

function message(type: number, body: Buffer): Buffer {
  const head = Buffer.from([0, headerLength + body.length, type]);
  return Buffer.concat([marker, head, body]);
}

function greeting(): Buffer {
  const asOctets = Buffer.alloc(4);
  asOctets.writeUInt32BE(Number(as));
  const capabilities = Buffer.concat([Buffer.from([1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1, 2, 0, 65, 4]), asOctets]);
  const shortAs = Number(as) > 65_535 ? Buffer.from([0x5b, 0xa0]) : asOctets.subarray(2);
  const parameters = Buffer.from([capabilities.length + 2, 2, capabilities.length]);
  const open = Buffer.concat([Buffer.from([4]), shortAs, Buffer.from([0, 0]), ownId, parameters, capabilities]);
  return Buffer.concat([message(1, open), message(4, Buffer.alloc(0))]);
}

function hasReach(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at + 4 <= to; ) {
    if (bytes[at + 1] === 14) return true;
    at += (bytes.readUInt8(at) & 0x10) === 0 ? 3 + bytes.readUInt8(at + 2) : 4 + bytes.readUInt16BE(at + 2);
  }
  return false;
}

function relay(peer: Peer, bytes: Buffer, from: number, length: number): void {
  const withdrawn = bytes.readUInt16BE(from + headerLength);
  const attributes = from + headerLength + 4 + withdrawn;
  const attributesLength = bytes.readUInt16BE(attributes - 2);
  const [attributesEnd, end] = [attributes + attributesLength, from + length];
  const isReach = attributesEnd < end || hasReach(bytes, attributes, attributesEnd);
  const isEndOfRib = withdrawn === 0 && !isReach && attributesLength <= 7;
  if (isEndOfRib) return;
  const added = isReach ? 14 : 0;
  const out = Buffer.allocUnsafe(length + added);
  const before = attributesEnd - from;
  bytes.copy(out, 0, from, attributesEnd);
  out.writeUInt16BE(length + added, 16);
  out.writeUInt16BE(attributesLength + added, attributes - from - 2);
  if (isReach) {
    out.set([0x80, 9, 4, ...peer.originator], before);
    out.set([0x80, 10, 4, ...ownId], before + 7);
  }
  bytes.copy(out, before + added, attributesEnd, end);
  append(peer, out);
}

function append(peer: Peer, out: Buffer): void {
  if (pending.length === 0) setImmediate(tellAll);
  const to = pendingLength + out.length;
  const own = spans.get(peer);
  const last = own?.at(-1);
  if (own === undefined) spans.set(peer, [{ from: pendingLength, to }]);
  else if (last?.to === pendingLength) last.to = to;
  else own.push({ from: pendingLength, to });
  pending.push(out);
  pendingLength = to;
}

function tellAll(): void {
  const batch = { bytes: Buffer.concat(pending, pendingLength), spans };
  pending = [];
  pendingLength = 0;
  spans = new Map();
  history.push(batch);
  for (const peer of peers) if (peer.isUp) tell(peer, batch);
}

function tell(peer: Peer, { bytes, spans }: Batch): void {
  const { socket } = peer;
  const own = spans.get(peer) ?? [];
  if (own.length === 0) {
    socket.write(bytes);
    return;
  }
  socket.cork();
  let at = 0;
  for (const { from, to } of [...own, { from: bytes.length, to: bytes.length }]) {
    if (from > at) socket.write(bytes.subarray(at, from));
    at = to;
  }
  socket.uncork();
}

function tellEverything(peer: Peer): void {
  peer.socket.cork();
  for (const batch of history) tell(peer, batch);
  peer.socket.uncork();
}

function hear(peer: Peer, chunk: Buffer): void {
  const bytes = peer.rest === undefined ? chunk : Buffer.concat([peer.rest, chunk]);
  let at = 0;
  while (bytes.length - at >= headerLength) {
    const length = bytes.readUInt16BE(at + 16);
    if (bytes.length - at < length) break;
    const type = bytes[at + 18];
    if (type === 1) {
      peer.originator = Buffer.from(bytes.subarray(at + 24, at + 28));
      peer.socket.write(greeting());
    } else if (type === 2) relay(peer, bytes, at, length);
    else if (type === 5) tellEverything(peer);
    else if (type === 4 && !peer.isUp) {
      peer.isUp = true;
      tellEverything(peer);
    }
    at += length;
  }
  peer.rest = at < bytes.length ? Buffer.from(bytes.subarray(at)) : undefined;
}

const server = createServer({ noDelay: true }, (socket) => {
  const peer: Peer = { socket, originator: ownId, isUp: false, rest: undefined };
  peers.add(peer);
  socket.on("data", (chunk: Buffer) => hear(peer, chunk));
  socket.on("error", () => socket.destroy());
  socket.on("close", () => peers.delete(peer));
});
server.listen({ host: "127.0.0.1", port: Number(port), backlog: 4096 });
