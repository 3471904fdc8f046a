import type { LocalEndpoint } from "../calc/index.ts";
import { compareTexts } from "../selector/index.ts";

/** More new ones at once are sorted in, not placed one by one. */
const fewEndpoints = 32;

/** Which endpoint has which interface, whether that is there or not. */
export type EndpointChoice = {
  /** Ordered by id. */
  readonly all: readonly LocalEndpoint[];
  /** Those that have rules: one for each interface. Ordered by id. */
  readonly active: readonly LocalEndpoint[];
  /** Interfaces of endpoints that are refused: they stay closed, whatever their names are. */
  readonly refused: readonly string[];
};

/**
 * Of several endpoints that name one interface the lowest id has it; the others wait. Endpoints that ask for sources beside
 * their own are let or, as a whole, refused. A change costs work for its interface, and one pass over the lists.
 */
export class EndpointChooser {
  readonly #byId = new Map<string, LocalEndpoint>();
  readonly #byInterface = new Map<string, Set<LocalEndpoint>>();
  /** By interface. */
  readonly #holders = new Map<string, LocalEndpoint>();
  readonly #refused = new Set<string>();
  /** Interfaces whose endpoints have changed since the last choice. */
  readonly #touched = new Set<string>();
  readonly #all = new SortedEndpoints();
  readonly #active = new SortedEndpoints();
  #canSpoof: boolean;
  #choice: EndpointChoice | undefined;

  constructor(canSpoof: boolean) {
    this.#canSpoof = canSpoof;
  }

  put(endpoint: LocalEndpoint): void {
    this.delete(endpoint.id);
    this.#byId.set(endpoint.id, endpoint);
    const rivals = this.#byInterface.get(endpoint.interfaceName);
    if (rivals === undefined) this.#byInterface.set(endpoint.interfaceName, new Set([endpoint]));
    else rivals.add(endpoint);
    this.#all.put(endpoint);
    this.#touched.add(endpoint.interfaceName);
  }

  delete(id: string): void {
    const endpoint = this.#byId.get(id);
    if (endpoint === undefined) return;
    const { interfaceName } = endpoint;
    this.#byId.delete(id);
    const rivals = this.#byInterface.get(interfaceName);
    rivals?.delete(endpoint);
    if (rivals?.size === 0) this.#byInterface.delete(interfaceName);
    this.#all.delete(endpoint);
    this.#touched.add(interfaceName);
  }

  setCanSpoof(canSpoof: boolean): void {
    if (canSpoof === this.#canSpoof) return;
    this.#canSpoof = canSpoof;
    for (const name of this.#byInterface.keys()) this.#touched.add(name);
  }

  /** The same object as before when nothing has changed, and so are its lists. */
  choice(): EndpointChoice {
    if (this.#choice !== undefined && this.#touched.size === 0) return this.#choice;
    const isRefusing = [...this.#touched].map((name) => this.#chooseFor(name)).includes(true);
    this.#touched.clear();
    const refused = isRefusing || this.#choice === undefined ? [...this.#refused].sort() : this.#choice.refused;
    this.#choice = { all: this.#all.list(), active: this.#active.list(), refused };
    return this.#choice;
  }

  /** Whether the interface is refused by now and was not, or the other way round. */
  #chooseFor(interfaceName: string): boolean {
    const rivals = this.#byInterface.get(interfaceName);
    let holder: LocalEndpoint | undefined;
    for (const endpoint of rivals ?? []) {
      if (!this.#canSpoof && endpoint.spoofable.length > 0) continue;
      if (holder === undefined || compareTexts(endpoint.id, holder.id) < 0) holder = endpoint;
    }
    const before = this.#holders.get(interfaceName);
    if (before !== holder) {
      if (before !== undefined) this.#active.delete(before);
      if (holder === undefined) this.#holders.delete(interfaceName);
      else {
        this.#holders.set(interfaceName, holder);
        this.#active.put(holder);
      }
    }
    const isRefused = rivals !== undefined && holder === undefined;
    const wasRefused = this.#refused.has(interfaceName);
    if (isRefused) this.#refused.add(interfaceName);
    else this.#refused.delete(interfaceName);
    return isRefused !== wasRefused;
  }
}

/** Ordered by id; what comes and goes is put in its place all at once. */
class SortedEndpoints {
  #list: readonly LocalEndpoint[] = [];
  /** By id; undefined: it goes. */
  readonly #changes = new Map<string, LocalEndpoint | undefined>();

  put(endpoint: LocalEndpoint): void {
    this.#changes.set(endpoint.id, endpoint);
  }

  /** What has been put under its id meanwhile stays. */
  delete(endpoint: LocalEndpoint): void {
    const coming = this.#changes.get(endpoint.id);
    if (coming === undefined || coming === endpoint) this.#changes.set(endpoint.id, undefined);
  }

  list(): readonly LocalEndpoint[] {
    if (this.#changes.size === 0) return this.#list;
    const list: LocalEndpoint[] = [];
    for (const endpoint of this.#list) {
      const { id } = endpoint;
      if (!this.#changes.has(id)) list.push(endpoint);
      else {
        const changed = this.#changes.get(id);
        if (changed !== undefined) list.push(changed);
        this.#changes.delete(id);
      }
    }
    const fresh = [...this.#changes.values()].filter((endpoint) => endpoint !== undefined);
    this.#changes.clear();
    if (fresh.length > fewEndpoints) {
      this.#list = list.concat(fresh).sort((a, b) => compareTexts(a.id, b.id));
    } else {
      for (const endpoint of fresh) list.splice(placeOf(endpoint, list), 0, endpoint);
      this.#list = list;
    }
    return this.#list;
  }
}

/** The number of those that stand before it. */
function placeOf({ id }: LocalEndpoint, list: readonly LocalEndpoint[]): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = list[middle];
    if (other !== undefined && compareTexts(other.id, id) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
