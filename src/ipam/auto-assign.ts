import { type Cidr, type IpAddress, type IpVersion, type Problem, cidrContains, cidrVersion } from "../lib/index.ts";
import {
  type BlockAffinity,
  type IPAMConfigurationSpec,
  type IPPool,
  type Labels,
  type Node,
  ipamDefaults,
} from "../resources/index.ts";
import { type AddressUse, type PoolNote, choosePools, formatNotes, selectsNode } from "./choose-pools.ts";
import { findBlock } from "./find-block.ts";
import { releaseBlockAffinity } from "./release-affinity.ts";
import { type IpamStep, listObjects, readObject } from "./request.ts";
import { takeFromBlock } from "./take-from-block.ts";

export type AssignInput = {
  readonly node: string;
  readonly handleId: string;
  /** Noted beside the addresses: whose they are, for people and for clean-up. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly use: AddressUse;
  /** Whose labels pools may ask for; none for tunnel addresses. One that does not exist has no labels. */
  readonly namespace?: string;
  readonly num4: number;
  readonly num6: number;
  /** Exactly these pools, whatever they select. */
  readonly pools4?: readonly Cidr[];
  readonly pools6?: readonly Cidr[];
  /** Blocks of one version that the node may own; 0 or absent: no limit beside the configured one. */
  readonly maxBlocks?: number;
  /**
   * Affinities as a watch last saw them, of all nodes or of this one, so that they need not be listed for
   * every address. They may be old. Before a block is claimed they are listed in any case.
   */
  readonly affinities?: readonly BlockAffinity[];
  /** Time of day, milliseconds since 1970. */
  readonly nowMs: number;
};

export type Assignment = {
  /** IPv4 first. They are taken even if there are problems. */
  readonly addresses: readonly IpAddress[];
  /** Why the request was refused or cut short. Pools that are merely full are no problem but a note. */
  readonly problems: readonly Problem[];
  /** What was found of every pool that did not give all. */
  readonly notes: readonly PoolNote[];
};

/** Takes addresses for a handle, whatever it holds already. Fewer than asked for when the pools are exhausted. */
export function* autoAssign(input: AssignInput): IpamStep<Assignment> {
  const node = yield* readObject("Node", input.node);
  if (node === undefined) {
    return {
      addresses: [],
      notes: [],
      problems: [problem(`node ${input.node} does not exist`, "create the Node first")],
    };
  }
  const pools = yield* listObjects("IPPool");
  const configuration = (yield* readObject("IPAMConfiguration", "default"))?.spec ?? {};
  const namespaceLabels = yield* readNamespaceLabels(input.namespace, pools);
  const addresses: IpAddress[] = [];
  const notes: PoolNote[] = [];
  for (const version of [4, 6] as const) {
    const count = version === 4 ? input.num4 : input.num6;
    if (count === 0) continue;
    const task = { ...input, node, pools, configuration, namespaceLabels, version, count };
    const found = yield* assignFamily(task);
    addresses.push(...found.addresses);
    notes.push(...found.notes);
    if (found.problems.length > 0) return { addresses, notes, problems: found.problems };
  }
  return { addresses, notes, problems: [] };
}

type FamilyTask = Omit<AssignInput, "node"> & {
  readonly node: Node;
  readonly pools: readonly IPPool[];
  readonly configuration: IPAMConfigurationSpec;
  readonly namespaceLabels: Labels;
  readonly version: IpVersion;
  readonly count: number;
};

/** What one version's assignment has come to so far. */
type Search = {
  readonly addresses: IpAddress[];
  /** The node's blocks in pools that may serve: looked at, and counted for the limit. */
  readonly ownBlocks: Set<Cidr>;
};

function* assignFamily(task: FamilyTask): IpamStep<Assignment> {
  const choice = choosePools({
    pools: task.pools,
    version: task.version,
    requested: task.version === 4 ? task.pools4 : task.pools6,
    use: task.use,
    node: { name: task.node.metadata.name, labels: task.node.metadata.labels ?? {} },
    namespaceLabels: task.namespaceLabels,
  });
  if (!choice.ok) return { addresses: [], notes: [], problems: choice.problems };
  const { usable, passedOver } = choice.value;
  const search: Search = { addresses: [], ownBlocks: new Set() };
  if (task.affinities !== undefined) yield* takeFromOwnBlocks(task, usable, task.affinities, search);
  if (isShort(task, search)) {
    yield* takeFromOwnBlocks(task, usable, yield* listObjects("BlockAffinity"), search);
  }
  const limit = yield* takeFromNewBlocks(task, usable, search);
  if (limit !== undefined) {
    return { addresses: search.addresses, notes: passedOver, problems: [withNotes(limit, passedOver)] };
  }
  // Borrowing from blocks of others comes here; until then every host keeps to its own blocks.
  const exhausted = usable.map((pool) => note(pool, "has no free block for this node"));
  return {
    addresses: search.addresses,
    notes: isShort(task, search) ? [...passedOver, ...exhausted] : [],
    problems: [],
  };
}

function* takeFromOwnBlocks(
  task: FamilyTask,
  usable: readonly IPPool[],
  affinities: readonly BlockAffinity[],
  search: Search,
): IpamStep<void> {
  for (const { spec } of affinities) {
    if (spec.node !== task.node.metadata.name || spec.type !== "host") continue;
    if (cidrVersion(spec.cidr) !== task.version || search.ownBlocks.has(spec.cidr)) continue;
    if (!usable.some((pool) => cidrContains(pool.spec.cidr, spec.cidr))) {
      yield* dropUnselectedBlock(task, spec.cidr);
      continue;
    }
    // Once there is enough, the rest is still counted.
    if (isShort(task, search)) yield* take(task, spec.cidr, spec.state === "confirmed", search);
    else search.ownBlocks.add(spec.cidr);
  }
}

/** A block that the node owns in a pool which does not select it any more goes back when it is empty. */
function* dropUnselectedBlock(task: FamilyTask, cidr: Cidr): IpamStep<void> {
  const pool = task.pools.find((candidate) => cidrContains(candidate.spec.cidr, cidr));
  if (pool === undefined || selectsNode(pool, task.node.metadata.labels ?? {}) !== false) return;
  yield* releaseBlockAffinity(task.node.metadata.name, cidr, { mustBeEmpty: true });
}

/** The problem is that no further block may be claimed. */
function* takeFromNewBlocks(task: FamilyTask, pools: readonly IPPool[], search: Search): IpamStep<Problem | undefined> {
  const limit = blockLimit(task);
  const node = task.node.metadata.name;
  while (isShort(task, search)) {
    if (search.ownBlocks.size >= limit) {
      const message = `node ${node} has reached its limit of ${limit} IPv${task.version} blocks`;
      return problem(message, "raise maxBlocksPerHost in IPAMConfiguration default, or release addresses");
    }
    if (!(task.configuration.autoAllocateBlocks ?? ipamDefaults.autoAllocateBlocks)) {
      const message = `the IPv${task.version} blocks of node ${node} are full and it may claim no more`;
      return problem(message, "set autoAllocateBlocks in IPAMConfiguration default");
    }
    const block = yield* findBlock({ node, pools, tried: search.ownBlocks, nowMs: task.nowMs });
    if (block === undefined) return undefined;
    yield* take(task, block.spec.cidr, true, search);
    // Lost again already; trying it anew could go on for ever.
    if (!search.ownBlocks.has(block.spec.cidr)) return undefined;
  }
  return undefined;
}

function* take(task: FamilyTask, cidr: Cidr, isConfirmed: boolean, search: Search): IpamStep<void> {
  const taken = yield* takeFromBlock({
    node: task.node.metadata.name,
    owner: { handleId: task.handleId, attributes: task.attributes },
    cidr,
    count: task.count - search.addresses.length,
    isConfirmed,
    nowMs: task.nowMs,
  });
  if (taken === undefined) return;
  search.ownBlocks.add(cidr);
  search.addresses.push(...taken);
}

function isShort(task: FamilyTask, search: Search): boolean {
  return search.addresses.length < task.count;
}

function blockLimit(task: FamilyTask): number {
  const set = [task.maxBlocks, task.configuration.maxBlocksPerHost].filter((limit) => limit !== undefined && limit > 0);
  return set.length === 0 ? ipamDefaults.maxBlocksPerHost : Math.min(...set.map(Number));
}

function* readNamespaceLabels(name: string | undefined, pools: readonly IPPool[]): IpamStep<Labels> {
  if (name === undefined || pools.every((pool) => (pool.spec.namespaceSelector ?? "") === "")) return {};
  return (yield* readObject("Namespace", name))?.metadata.labels ?? {};
}

function note(pool: IPPool, why: string): PoolNote {
  return { pool: pool.metadata.name, cidr: pool.spec.cidr, why };
}

function problem(message: string, hint: string): Problem {
  return { path: "", message, hint };
}

function withNotes(problem: Problem, notes: readonly PoolNote[]): Problem {
  return notes.length === 0 ? problem : { ...problem, message: `${problem.message}; ${formatNotes(notes)}` };
}
