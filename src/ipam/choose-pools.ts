import { type Cidr, type IpVersion, type Problem, type Result, cidrVersion, failure, success } from "../lib/index.ts";
import type { IPPool, IPPoolUse, Labels } from "../resources/index.ts";
import { evaluateSelector, parseSelector } from "../selector/index.ts";
import { blockCount } from "./walk-blocks.ts";

/** What an address is for; load balancer addresses have no host and are not assigned here. */
export type AddressUse = Exclude<IPPoolUse, "LoadBalancer">;

/** Why a pool gave no address, or no more of them. */
export type PoolNote = { readonly pool: string; readonly cidr: Cidr; readonly why: string };

export type PoolChoice = {
  /** In the order in which they are to be tried; never empty. */
  readonly usable: readonly IPPool[];
  readonly passedOver: readonly PoolNote[];
};

export type PoolQuestion = {
  /** All pools of both versions. */
  readonly pools: readonly IPPool[];
  readonly version: IpVersion;
  /** Exactly these, in this order, whatever they select. */
  readonly requested: readonly Cidr[] | undefined;
  readonly use: AddressUse;
  readonly node: { readonly name: string; readonly labels: Labels };
  readonly namespaceLabels: Labels;
};

/** The pools that may serve. A failure names every pool of that version and what speaks against it. */
export function choosePools(question: PoolQuestion): Result<PoolChoice> {
  const notes: PoolNote[] = [];
  const qualified = question.pools
    .filter((pool) => cidrVersion(pool.spec.cidr) === question.version)
    .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    .filter((pool) => passes(pool, disqualification(pool), notes));
  const family = `IPv${question.version}`;
  if (qualified.length === 0) {
    return refusal(`there is no enabled ${family} pool`, notes, "create an IPPool, or enable one");
  }
  const selected =
    question.requested === undefined ? select(qualified, question, notes) : pick(qualified, question, notes);
  if (!selected.ok) return selected;
  if (selected.value.length === 0) {
    return refusal(
      `no ${family} pool is for node ${question.node.name}`,
      notes,
      "change a pool's selectors, or the labels of the node or namespace",
    );
  }
  const usable = selected.value.filter((pool) => passes(pool, misuse(pool, question.use), notes));
  if (usable.length === 0) {
    return refusal(`no ${family} pool is for ${question.use} addresses`, notes, "change allowedUses of a pool");
  }
  return success({ usable, passedOver: notes });
}

/** Whether the pool's node selector matches; undefined when it cannot be read. */
export function selectsNode(pool: IPPool, labels: Labels): boolean | undefined {
  return matches(pool.spec.nodeSelector, labels);
}

export function formatNotes(notes: readonly PoolNote[]): string {
  return notes.map(({ pool, cidr, why }) => `pool ${pool} (${cidr}) ${why}`).join("; ");
}

function refusal(message: string, notes: readonly PoolNote[], hint: string): Result<never> {
  return failure("", notes.length === 0 ? message : `${message}: ${formatNotes(notes)}`, hint);
}

function passes(pool: IPPool, why: string | undefined, notes: PoolNote[]): boolean {
  if (why !== undefined) notes.push({ pool: pool.metadata.name, cidr: pool.spec.cidr, why });
  return why === undefined;
}

function disqualification(pool: IPPool): string | undefined {
  if (pool.spec.disabled === true) return "is disabled";
  return blockCount(pool.spec) === 0n ? "is smaller than one of its blocks" : undefined;
}

function misuse(pool: IPPool, use: AddressUse): string | undefined {
  return pool.spec.allowedUses.includes(use) ? undefined : `is for ${pool.spec.allowedUses.join(" and ")} only`;
}

function pick(qualified: readonly IPPool[], question: PoolQuestion, notes: readonly PoolNote[]): Result<IPPool[]> {
  const found: IPPool[] = [];
  const problems: Problem[] = [];
  for (const cidr of new Set(question.requested)) {
    const pool = qualified.find((candidate) => candidate.spec.cidr === cidr);
    if (pool !== undefined) found.push(pool);
    else problems.push({ path: "", message: `the requested pool ${cidr} ${absence(cidr, question, notes)}`, hint: "" });
  }
  return problems.length > 0 ? { ok: false, problems } : success(found);
}

function absence(cidr: Cidr, question: PoolQuestion, notes: readonly PoolNote[]): string {
  if (cidrVersion(cidr) !== question.version) return `is not an IPv${question.version} pool`;
  return notes.find((note) => note.cidr === cidr)?.why ?? "does not exist";
}

function select(qualified: readonly IPPool[], question: PoolQuestion, notes: PoolNote[]): Result<IPPool[]> {
  const { node, namespaceLabels } = question;
  const problems: Problem[] = [];
  const selected = qualified.filter((pool) => {
    const { assignmentMode, nodeSelector, namespaceSelector = "" } = pool.spec;
    if (assignmentMode === "Manual") return passes(pool, "is assigned from only on request", notes);
    const isForNode = matches(nodeSelector, node.labels);
    const isForNamespace = matches(namespaceSelector, namespaceLabels);
    if (isForNode === undefined || isForNamespace === undefined) {
      const field = isForNode === undefined ? "nodeSelector" : "namespaceSelector";
      problems.push({ path: "", message: `pool ${pool.metadata.name} has a ${field} that cannot be read`, hint: "" });
      return false;
    }
    if (!isForNode) return passes(pool, `does not select the node (nodeSelector ${nodeSelector})`, notes);
    if (isForNamespace) return true;
    return passes(pool, `does not select the namespace (namespaceSelector ${namespaceSelector})`, notes);
  });
  return problems.length > 0 ? { ok: false, problems } : success(selected);
}

/** An empty selector matches everything. */
function matches(text: string, labels: Labels): boolean | undefined {
  if (text.trim() === "") return true;
  const selector = parseSelector(text);
  return selector.ok ? evaluateSelector(selector.value, labels) : undefined;
}
