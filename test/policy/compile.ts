import { CalcGraph } from "../../src/calc/index.ts";
import { HostDataplane } from "../../src/dataplane/index.ts";
import type { Table } from "../../src/nft/index.ts";
import { type Resource, decodeResource, keyOf } from "../../src/resources/index.ts";
import type { Json } from "./random-labels.ts";
import { here, hostAddresses, hostLinks } from "./world.ts";

/** What an agent that has just started would program for these resources. */
export function compile(resources: readonly Resource[], parts?: Compiler): Table {
  return new Agent(parts).follow(resources);
}

/** The part of an agent that makes the table, over all of its life. */
export class Agent {
  readonly #graph: CalcGraph;
  readonly #dataplane: HostDataplane;
  #keys: ReadonlySet<string> = new Set();

  constructor(parts: Compiler = { CalcGraph, HostDataplane }) {
    this.#graph = new parts.CalcGraph({ node: here });
    this.#dataplane = new parts.HostDataplane();
    this.#dataplane.onLinks(hostLinks);
    this.#dataplane.onAddresses(hostAddresses);
  }

  /** What it would program now that these are all resources there are. */
  follow(resources: readonly Resource[]): Table {
    const keys = new Set(resources.map(keyOf));
    for (const key of this.#keys) if (!keys.has(key)) this.#graph.onResource(key, undefined);
    for (const resource of resources) this.#graph.onResource(keyOf(resource), resource);
    this.#keys = keys;
    this.#graph.onSynced();
    for (const message of this.#graph.flush()) this.#dataplane.onCalc(message);
    return this.#dataplane.wanted().table;
  }
}

/** The two classes that make a table of resources; a seeded bug brings its own. */
export type Compiler = { readonly CalcGraph: typeof CalcGraph; readonly HostDataplane: typeof HostDataplane };

/** Undefined when one of the objects is not valid. */
export function decodeAll(objects: readonly Json[]): Resource[] | undefined {
  const resources: Resource[] = [];
  for (const object of objects) {
    const decoded = decodeResource(object);
    if (!decoded.ok) return undefined;
    resources.push(decoded.value);
  }
  return resources;
}
