import { BfdCore, type BfdInput, type BfdOutput, type BfdPath, type BfdPeer, type BfdStatus } from "../bfd/index.ts";
import {
  type IpAddress,
  type IpVersion,
  type Logger,
  type Random,
  TaskGroup,
  TortieError,
  addressVersion,
} from "../lib/index.ts";
import { type DatagramReceiver, type DatagramSender, openUdpReceiver, openUdpSender } from "../sys/index.ts";

/** RFC 5881 section 4, RFC 5883 section 5. */
const directPort = 3784;
const multihopPort = 4784;
const firstSourcePort = 49152;
const lastSourcePort = 65535;
const ttl = 255;
/** How many source ports are tried for one that nobody uses. */
const maxPortAttempts = 20;
/** When a port cannot be had, another program may have it: until then. */
const retryMs = 5000;
/** So many datagrams of one socket are read before the timers are looked at again: a flood must not stop them. */
const maxReads = 2000;

export type StateChange = Extract<BfdOutput, { type: "state" }>;

export type BfdRunnerOptions = {
  readonly log: Logger;
  readonly random: Random;
  /** Path of the network namespace to work in; default: the own one. */
  readonly netns?: string | undefined;
  onState(change: StateChange): void;
};

type Receiver = { readonly socket: DatagramReceiver; readonly isMultihop: boolean };
type Sender = { readonly port: number; readonly localAddress?: IpAddress | undefined; socket?: DatagramSender };

/** The BFD core on sockets and a timer, in whatever thread it is made. */
export class BfdRunner implements AsyncDisposable {
  readonly #options: BfdRunnerOptions;
  readonly #core: BfdCore;
  readonly #tasks = new TaskGroup();
  readonly #receivers = new Map<string, Receiver>();
  readonly #senders = new Map<number, Sender>();
  /** What has failed and was said: said again only after it has worked. */
  readonly #failing = new Set<string>();
  #peers: readonly BfdPeer[] = [];
  #wakeTimeout: NodeJS.Timeout | undefined;
  #retryTimeout: NodeJS.Timeout | undefined;

  constructor(options: BfdRunnerOptions) {
    this.#options = options;
    this.#core = new BfdCore(options.random);
  }

  configure(peers: readonly BfdPeer[]): void {
    this.#peers = peers;
    this.#openReceivers();
    this.#step({ type: "configure", peers });
  }

  status(): BfdStatus {
    return this.#core.status();
  }

  /** Tells the other ends that this is no failure. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#step({ type: "stop" });
    clearTimeout(this.#wakeTimeout);
    clearTimeout(this.#retryTimeout);
    for (const { socket } of this.#receivers.values()) socket[Symbol.dispose]();
    for (const { socket } of this.#senders.values()) socket?.[Symbol.dispose]();
    this.#receivers.clear();
    await this.#tasks[Symbol.asyncDispose]();
  }

  #openReceivers(): void {
    clearTimeout(this.#retryTimeout);
    this.#retryTimeout = undefined;
    const wanted = new Map(
      this.#peers.map(({ address, bfd: { isMultihop } }) => {
        const version = addressVersion(address);
        return [`${version}|${isMultihop}`, { version, isMultihop }];
      }),
    );
    for (const [key, { socket }] of this.#receivers) {
      if (wanted.has(key)) continue;
      this.#receivers.delete(key);
      socket[Symbol.dispose]();
    }
    for (const [key, { version, isMultihop }] of wanted) {
      if (!this.#receivers.has(key)) this.#openReceiver(key, version, isMultihop);
    }
    if (this.#receivers.size < wanted.size) this.#retryTimeout = setTimeout(() => this.#openReceivers(), retryMs);
  }

  #openReceiver(key: string, version: IpVersion, isMultihop: boolean): void {
    const port = isMultihop ? multihopPort : directPort;
    try {
      const socket = openUdpReceiver({ version, port, netns: this.#options.netns });
      this.#failing.delete(key);
      this.#receivers.set(key, { socket, isMultihop });
      this.#tasks.start((signal) => this.#listen(key, socket, signal));
    } catch (error) {
      if (this.#failing.has(key)) return;
      this.#failing.add(key);
      this.#options.log.error("cannot listen for BFD packets", { port, ipVersion: version, error });
    }
  }

  async #listen(key: string, socket: DatagramReceiver, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#receivers.get(key)?.socket === socket) {
      await socket.wait(signal);
      this.#readAll();
    }
  }

  #readAll(): void {
    for (const [key, { socket, isMultihop }] of this.#receivers) {
      try {
        for (let reads = 0; reads < maxReads; reads++) {
          const datagram = socket.receiveNow();
          if (datagram === undefined) break;
          this.#step({ type: "packet", isMultihop, ...datagram });
        }
      } catch (error) {
        if (!(error instanceof TortieError)) throw error;
        this.#options.log.error("receiving BFD packets failed", { error });
        this.#receivers.delete(key);
        socket[Symbol.dispose]();
        this.#retryTimeout ??= setTimeout(() => this.#openReceivers(), retryMs);
      }
    }
  }

  #step(input: BfdInput): void {
    for (const output of this.#core.step(input, performance.now())) {
      switch (output.type) {
        case "send":
          this.#send(output.session, output.path, output.bytes);
          break;
        case "end":
          this.#senders.get(output.session)?.socket?.[Symbol.dispose]();
          this.#senders.delete(output.session);
          break;
        case "wakeAt":
          this.#wakeAt(output.atMs);
          break;
        case "state":
          this.#options.onState(output);
      }
    }
  }

  #wakeAt(atMs: number): void {
    clearTimeout(this.#wakeTimeout);
    if (atMs === Infinity) return;
    this.#wakeTimeout = setTimeout(
      () => {
        // After a long turn packets that came in time may still wait to be read: they count before the clock does.
        this.#readAll();
        this.#step({ type: "wake" });
      },
      Math.max(0, Math.ceil(atMs - performance.now())),
    );
  }

  #send(session: number, path: BfdPath, bytes: Uint8Array): void {
    const { localAddress } = path;
    const known = this.#senders.get(session);
    if (known !== undefined && known.localAddress !== localAddress) known.socket?.[Symbol.dispose]();
    const isSame = known !== undefined && known.localAddress === localAddress;
    const sender: Sender = isSame ? known : { port: known?.port ?? this.#randomPort(), localAddress };
    this.#senders.set(session, sender);
    const what = `send|${path.address}|${path.linkName ?? ""}`;
    try {
      sender.socket ??= this.#openSender(session, path, sender.port);
      sender.socket.send(bytes);
      this.#failing.delete(what);
    } catch (error) {
      // The address, the link or the way may come back; until then nothing can be said, which is what a failure looks like.
      this.#senders.get(session)?.socket?.[Symbol.dispose]();
      this.#senders.set(session, { port: sender.port, localAddress });
      if (this.#failing.has(what)) return;
      this.#failing.add(what);
      this.#options.log.debug("cannot send BFD packets", { peer: path.address, link: path.linkName, error });
    }
  }

  #openSender(session: number, path: BfdPath, firstPort: number): DatagramSender {
    let port = firstPort;
    for (let attempt = 1; ; attempt++) {
      try {
        const socket = openUdpSender({
          remote: path.address,
          remotePort: path.isMultihop ? multihopPort : directPort,
          local: path.localAddress,
          localPort: port,
          linkName: path.linkName,
          ttl,
          netns: this.#options.netns,
        });
        this.#senders.set(session, { port, localAddress: path.localAddress, socket });
        return socket;
      } catch (error) {
        const isTaken = error instanceof TortieError && error.fields["errno"] === "EADDRINUSE";
        if (!isTaken || attempt === maxPortAttempts) throw error;
        port = this.#randomPort();
      }
    }
  }

  #randomPort(): number {
    return firstSourcePort + Math.floor(this.#options.random() * (lastSourcePort - firstSourcePort + 1));
  }
}
