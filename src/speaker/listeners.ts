import type { SpeakerConfig } from "../bgp/index.ts";
import {
  type Cidr,
  type IpAddress,
  type IpVersion,
  type Logger,
  TortieError,
  addressVersion,
  cidrContains,
  cidrVersion,
} from "../lib/index.ts";
import { type AcceptedTcp, type Poller, TcpListener, type Watch, inNamespace } from "../sys/index.ts";
import { AcceptRules } from "./accept-rules.ts";
import type { RareLog } from "./rare-log.ts";
import { sessionSocket } from "./session-socket.ts";

/** Thousands of peers may come back at once. */
const backlog = 4096;
/** Accepted in one go, so that a flood of strangers does not keep the peers waiting. */
const maxAccepts = 64;
const retryMs = 1000;
/** How long nothing is accepted when there are no descriptors left. */
const pauseMs = 1000;

type Place = { readonly address: IpAddress | { readonly any: IpVersion }; readonly port: number };

type ListenersOptions = {
  readonly poller: Poller;
  readonly log: Logger;
  readonly rare: RareLog;
  readonly netns: string | undefined;
  onAccepted(accepted: AcceptedTcp): void;
};

/** The sockets that peers connect to: where the configuration says, with the passwords that it says. */
export class Listeners implements Disposable {
  readonly #options: ListenersOptions;
  readonly #openByPlace = new Map<string, OpenListener>();
  #rules = new AcceptRules({ peers: [] });
  #retry: NodeJS.Timeout | undefined;
  #isDisposed = false;

  constructor(options: ListenersOptions) {
    this.#options = options;
  }

  /** Opens and closes what differs. Sessions are not touched. Gives the places that cannot be had; they are tried again. */
  configure(config: SpeakerConfig): readonly TortieError[] {
    clearTimeout(this.#retry);
    if (this.#isDisposed) return [];
    this.#setRules(new AcceptRules(config));
    const wanted = new Map(placesOf(config).map((place) => [nameOf(place), place]));
    // First: an address of its own and "any" exclude each other.
    for (const [name, listener] of this.#openByPlace) {
      if (wanted.has(name)) continue;
      listener[Symbol.dispose]();
      this.#openByPlace.delete(name);
    }
    const failures: TortieError[] = [];
    for (const [name, place] of wanted) {
      if (this.#openByPlace.has(name)) continue;
      try {
        this.#openByPlace.set(name, new OpenListener(place, this.#rules, this.#options));
      } catch (error) {
        if (!(error instanceof TortieError)) throw error;
        if (!isWithoutVersion(place, error)) failures.push(withHint(error));
      }
    }
    if (failures.length > 0) this.#retry = setTimeout(() => this.configure(config), retryMs);
    return failures;
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    clearTimeout(this.#retry);
    for (const listener of this.#openByPlace.values()) listener[Symbol.dispose]();
    this.#openByPlace.clear();
  }

  #setRules(rules: AcceptRules): void {
    for (const prefix of rules.conflicts) {
      if (this.#rules.conflicts.includes(prefix)) continue;
      this.#options.log.warn("two passwords for one BGP peer address: the first is taken for incoming connections", {
        prefix,
      });
    }
    this.#rules = rules;
    for (const listener of this.#openByPlace.values()) listener.setRules(rules);
  }
}

class OpenListener implements Disposable {
  readonly #options: ListenersOptions;
  readonly #version: IpVersion;
  readonly #listener: TcpListener;
  #watch: Watch | undefined;
  #rules: AcceptRules;
  #passwords: ReadonlyMap<Cidr, string> = new Map();
  /** The kernel has not taken their passwords: nobody from there may get in. */
  readonly #shut = new Set<Cidr>();
  #pause: NodeJS.Timeout | undefined;

  constructor(place: Place, rules: AcceptRules, options: ListenersOptions) {
    const { address, port } = place;
    this.#options = options;
    this.#version = versionOf(place);
    const open = () => new TcpListener({ ...sessionSocket, address, port, backlog });
    this.#listener = options.netns === undefined ? open() : inNamespace(options.netns, open);
    this.#rules = rules;
    this.setRules(rules);
    this.#resume();
  }

  setRules(rules: AcceptRules): void {
    this.#rules = rules;
    const before = this.#passwords;
    this.#passwords = new Map([...rules.passwords].filter(([prefix]) => cidrVersion(prefix) === this.#version));
    for (const prefix of before.keys()) if (!this.#passwords.has(prefix)) this.#setKey(prefix, undefined);
    const changed = [...this.#passwords].filter(([prefix, password]) => before.get(prefix) !== password);
    for (const [prefix, password] of changed) this.#setKey(prefix, password);
    // Whoever waits there has connected without the password of now.
    if (changed.length > 0) this.#turnAwayWaiting();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#pause);
    this.#watch?.[Symbol.dispose]();
    this.#listener[Symbol.dispose]();
  }

  #setKey(prefix: Cidr, password: string | undefined): void {
    this.#shut.delete(prefix);
    try {
      this.#listener.setKey(prefix, password);
    } catch (error) {
      if (!(error instanceof TortieError)) throw error;
      if (password !== undefined) this.#shut.add(prefix);
      this.#options.log.error("BGP peers from there cannot connect: the kernel does not take their password", {
        prefix,
        error: error.message,
        hint: error.hint,
      });
    }
  }

  #resume(): void {
    this.#watch?.[Symbol.dispose]();
    this.#watch = this.#options.poller.watch(this.#listener.fd, false, () => this.#acceptMany());
  }

  #acceptMany(): void {
    for (let count = 0; count < maxAccepts; count++) {
      const accepted = this.#accept();
      if (accepted === undefined) return;
      if (this.#isWelcome(accepted)) this.#options.onAccepted(accepted);
      else accepted.socket[Symbol.dispose]();
    }
  }

  /** As many as can wait; of those that come meanwhile the kernel knows the password. */
  #turnAwayWaiting(): void {
    for (let count = 0; count <= backlog; count++) {
      const waiting = this.#accept();
      if (waiting === undefined) return;
      waiting.socket[Symbol.dispose]();
    }
  }

  #accept(): AcceptedTcp | undefined {
    try {
      return this.#listener.accept();
    } catch (error) {
      if (!(error instanceof TortieError)) throw error;
      this.#options.log.error("no BGP connections are accepted for a while", { error: error.message });
      this.#watch?.[Symbol.dispose]();
      clearTimeout(this.#pause);
      this.#pause = setTimeout(() => this.#resume(), pauseMs);
      return undefined;
    }
  }

  #isWelcome({ socket, remote, linkName }: AcceptedTcp): boolean {
    for (const prefix of this.#shut) if (cidrContains(prefix, remote)) return false;
    const minTtl = this.#rules.minTtl(remote, linkName);
    if (minTtl === undefined) return true;
    const firstTtl = socket.firstTtl();
    if (firstTtl !== undefined && firstTtl < minTtl) {
      this.#options.rare.info("BGP connection from further away than allowed refused", {
        remote,
        ttl: firstTtl,
        minTtl,
      });
      return false;
    }
    socket.setMinTtl(minTtl);
    return true;
  }
}

/** Both IP versions unless addresses are named. */
function placesOf({ listenAddresses, listenPort }: SpeakerConfig): Place[] {
  const addresses = listenAddresses ?? [{ any: 4 } as const, { any: 6 } as const];
  return addresses.map((address) => ({ address, port: listenPort }));
}

function nameOf({ address, port }: Place): string {
  return `${typeof address === "string" ? address : `any${address.any}`} ${port}`;
}

function versionOf({ address }: Place): IpVersion {
  return typeof address === "string" ? addressVersion(address) : address.any;
}

/** Says what to do about it where that is known. */
function withHint(error: TortieError): TortieError {
  const { code, message, fields } = error;
  const hint = hintByErrno.get(String(fields["errno"]));
  return hint === undefined ? error : new TortieError(code, message, { cause: error, fields, hint });
}

const hintByErrno: ReadonlyMap<string, string> = new Map([
  ["EADDRINUSE", "another program listens there, which `ss -ltnp` names: end it, or take another port or address"],
  ["EACCES", "ports below 1024 need root or CAP_NET_BIND_SERVICE"],
]);

/** "Any" means those of the IP versions that the kernel has. */
function isWithoutVersion({ address }: Place, error: TortieError): boolean {
  return typeof address !== "string" && error.fields["errno"] === "EAFNOSUPPORT";
}
