import { setImmediate } from "node:timers/promises";
import { type IpVersion, NetlinkWriter, TortieError, readMessages } from "../lib/index.ts";
import {
  type DumpRequest,
  type Link,
  type LinkAddress,
  type Neighbour,
  type NextHop,
  type Route,
  type RouteChange,
  type RouteEvent,
  encodeDumpRequest,
  isInterrupted,
  readAnswer,
  readRouteEvent,
  writeChanges,
} from "../netlink/index.ts";
import { type NetlinkHandle, errnoName, openNetlink } from "../sys/index.ts";
import { makeCallQueue, makeSequenceNumbers } from "./call-queue.ts";

/** More a send gain nothing, and what else is to be sent would wait for longer. */
const changesPerSend = 500;
/** So many are sent by another thread. */
const fewestAside = 64;
/** The state changes under each dump of a busy host; after so many we take what we have got. */
const maxDumpAttempts = 10;
const receiveBufferBytes = 4 * 1024 * 1024;

/** What is gone already when we come to delete it. */
const goneErrnos = new Set(["ENOENT", "ESRCH", "ENODEV", "EADDRNOTAVAIL"]);

export type ChangeFailure = {
  readonly change: RouteChange;
  /** `EEXIST` ... */
  readonly errno: string;
  /** For people: the errno and what the kernel says about it. */
  readonly message: string;
};

export type RouteReader = { begin(): void; take(route: Route): void };

/** A conversation with the kernel about routing, in one network namespace. Calls may overlap: they wait for each other. */
export interface RouteSocket extends Disposable {
  /** By which monitors know the events that this socket causes. */
  readonly portId: number;
  dumpLinks(): Promise<Link[]>;
  findLink(name: string): Promise<Link | undefined>;
  readLink(index: number): Promise<Link | undefined>;
  dumpAddresses(): Promise<LinkAddress[]>;
  /** Of one version and table, or of all. */
  dumpRoutes(filter?: { version?: IpVersion | undefined; table?: number | undefined }): Promise<Route[]>;
  /** The same, part by part: `begin` comes first, and again when the table changed meanwhile and everything is read anew. */
  readRoutes(reader: RouteReader): Promise<void>;
  dumpNeighbours(): Promise<Neighbour[]>;
  dumpNextHops(): Promise<NextHop[]>;
  /** Makes the changes in their order. One that fails does not stop the rest; deleting what is gone is no failure. */
  apply(changes: readonly RouteChange[]): Promise<ChangeFailure[]>;
}

/** `netns`: path of a network namespace; default: the own one. The socket stays there for life. */
export function openRouteSocket(options: { readonly netns?: string | undefined } = {}): RouteSocket {
  return new KernelRouteSocket(openNetlink({ protocol: "route", netns: options.netns, receiveBufferBytes }));
}

class KernelRouteSocket implements RouteSocket {
  readonly portId: number;
  readonly #netlink: NetlinkHandle;
  readonly #inTurn = makeCallQueue();
  readonly #takeSequences = makeSequenceNumbers();
  /** Used again for one batch after another. */
  readonly #writers: NetlinkWriter[] = [];

  constructor(netlink: NetlinkHandle) {
    this.#netlink = netlink;
    this.portId = netlink.portId;
  }

  async dumpLinks(): Promise<Link[]> {
    const events = await this.#dump({ type: "links" });
    return events.flatMap((event) => (event.type === "newLink" ? [event.link] : []));
  }

  async findLink(name: string): Promise<Link | undefined> {
    return this.#firstLink({ type: "link", name });
  }

  async readLink(index: number): Promise<Link | undefined> {
    return this.#firstLink({ type: "link", index });
  }

  async dumpAddresses(): Promise<LinkAddress[]> {
    const events = await this.#dump({ type: "addresses" });
    return events.flatMap((event) => (event.type === "newAddress" ? [event.address] : []));
  }

  async dumpRoutes(filter: { version?: IpVersion | undefined; table?: number | undefined } = {}): Promise<Route[]> {
    const { version, table } = filter;
    const found: Route[] = [];
    for (const each of version === undefined ? ([4, 6] as const) : [version]) {
      const routes = await this.#dump({ type: "routes", version: each, table });
      for (const event of routes) if (event.type === "newRoute") found.push(event.route);
    }
    return found;
  }

  async readRoutes({ begin, take }: RouteReader): Promise<void> {
    begin();
    for (let attempt = 1; ; attempt++) {
      let isComplete = true;
      for (const version of [4, 6] as const) {
        const onEvent = (event: RouteEvent) => event.type === "newRoute" && take(event.route);
        isComplete &&= await this.#inTurn(() => this.#read({ type: "routes", version }, onEvent));
      }
      if (isComplete || attempt === maxDumpAttempts) return;
      begin();
    }
  }

  async dumpNeighbours(): Promise<Neighbour[]> {
    const events = await this.#dump({ type: "neighbours" });
    return events.flatMap((event) => (event.type === "newNeighbour" ? [event.neighbour] : []));
  }

  async dumpNextHops(): Promise<NextHop[]> {
    const events = await this.#dump({ type: "nextHops" });
    return events.flatMap((event) => (event.type === "newNextHop" ? [event.nextHop] : []));
  }

  async apply(changes: readonly RouteChange[]): Promise<ChangeFailure[]> {
    if (changes.length <= changesPerSend) return this.#applyBatch(changes);
    const failures: ChangeFailure[] = [];
    for (let start = 0; start < changes.length; start += changesPerSend) {
      // Between the batches others have their turn: BGP's keepalives must not wait for 100,000 routes.
      if (start > 0) await setImmediate();
      failures.push(...(await this.#applyBatch(changes.slice(start, start + changesPerSend))));
    }
    return failures;
  }

  [Symbol.dispose](): void {
    this.#netlink.close();
  }

  async #firstLink(request: DumpRequest): Promise<Link | undefined> {
    const events = await this.#dump(request);
    return events.flatMap((event) => (event.type === "newLink" ? [event.link] : []))[0];
  }

  /** Written at once, while the kernel may still be at the batch before. */
  async #applyBatch(changes: readonly RouteChange[]): Promise<ChangeFailure[]> {
    if (changes.length === 0) return [];
    const writer = this.#writers.pop() ?? new NetlinkWriter();
    const first = this.#takeSequences(changes.length);
    writeChanges(writer, changes, first);
    const failures = await this.#inTurn(() => this.#send(writer, changes, first));
    writer.reset();
    this.#writers.push(writer);
    const aliases = aliasesOf(changes, failures);
    return aliases.length === 0 ? failures : [...failures, ...(await this.#applyBatch(aliases))];
  }

  async #send(writer: NetlinkWriter, changes: readonly RouteChange[], first: number): Promise<ChangeFailure[]> {
    if (isLong(changes)) await this.#netlink.sendAside(writer.bytes());
    else this.#netlink.send(writer.bytes());
    const last = first + changes.length - 1;
    const failures: ChangeFailure[] = [];
    for (;;) {
      for (const message of readMessages(await this.#netlink.receive())) {
        const answer = readAnswer(message);
        const change = changes[message.sequence - first];
        if (answer === undefined || change === undefined) continue;
        const errno = errnoName(answer.errno);
        const isGone = change.type.startsWith("delete") && goneErrnos.has(errno);
        if (answer.errno !== 0 && !isGone) {
          failures.push({ change, errno, message: answer.text === "" ? errno : `${errno}: ${answer.text}` });
        }
        if (message.sequence === last) return failures;
      }
    }
  }

  #dump(request: DumpRequest): Promise<RouteEvent[]> {
    return this.#inTurn(async () => {
      for (let attempt = 1; ; attempt++) {
        const events: RouteEvent[] = [];
        const isComplete = await this.#read(request, (event) => events.push(event));
        if (isComplete || attempt === maxDumpAttempts) return events;
      }
    });
  }

  /** Whether all came from one state of the kernel. */
  async #read(request: DumpRequest, onEvent: (event: RouteEvent) => void): Promise<boolean> {
    const sequence = this.#takeSequences(1);
    this.#netlink.send(encodeDumpRequest(request, sequence));
    let isComplete = true;
    for (;;) {
      // What is there already is received without waiting, and a big table is there at once: let others work between.
      await setImmediate();
      for (const message of readMessages(await this.#netlink.receive())) {
        if (message.sequence !== sequence) continue;
        if (isInterrupted(message)) isComplete = false;
        const answer = readAnswer(message);
        if (answer === undefined) {
          const event = readRouteEvent(message);
          if (event !== undefined) onEvent(event);
          continue;
        }
        const errno = errnoName(answer.errno);
        // A table that was never used, or a link of that name: not there means empty.
        if (answer.errno === 0 || errno === "ENOENT" || errno === "ENODEV") return isComplete;
        throw new TortieError("TT_KERNEL", `reading ${request.type} from the kernel: ${errno} ${answer.text}`, {
          fields: { errno },
        });
      }
    }
  }
}

/**
 * May keep the kernel busy for 50 ms: once in many routes it makes IPv4's trie of them anew, and a next-hop object that
 * changes is told to every IPv6 route that names it.
 */
function isLong(changes: readonly RouteChange[]): boolean {
  return changes.length >= fewestAside || changes.some(({ type }) => type === "putNextHop" || type === "deleteNextHop");
}

/** Given only to links that were made: not to a link of somebody else that has the name. */
function aliasesOf(changes: readonly RouteChange[], failures: readonly ChangeFailure[]): RouteChange[] {
  const aliases: RouteChange[] = [];
  for (const change of changes) {
    if (change.type !== "createVeth" || change.alias === undefined) continue;
    if (failures.some((failure) => failure.change === change)) continue;
    aliases.push({ type: "setAlias", name: change.name, alias: change.alias });
  }
  return aliases;
}
