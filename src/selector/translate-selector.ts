import { type Selector, type SelectorNode, joinNodes, makeSelector, makeSet } from "./ast.ts";

/** Labels that the system puts on endpoints, and the prefixes of those inherited from namespace and service account. */
export const systemLabels = {
  namespace: "projectcalico.org/namespace",
  orchestrator: "projectcalico.org/orchestrator",
  serviceAccount: "projectcalico.org/serviceaccount",
  tier: "projectcalico.org/tier",
  namespacePrefix: "pcns.",
  serviceAccountPrefix: "pcsa.",
} as const;

/** The selecting members of one side of a rule. */
export type EntityTerms = {
  readonly selector?: Selector | undefined;
  /** Used unchanged beside the result, but its presence keeps a namespaced rule within its namespace. */
  readonly notSelector?: Selector | undefined;
  readonly namespaceSelector?: Selector | undefined;
  readonly serviceAccounts?:
    | { readonly names?: readonly string[] | undefined; readonly selector?: Selector | undefined }
    | undefined;
};

/**
 * The selector over endpoint labels that one side of a rule stands for; undefined when it selects by nets and ports
 * only. `policyNamespace` is undefined for rules of global policies and profiles.
 */
export function translateEntity(terms: EntityTerms, policyNamespace: string | undefined): Selector | undefined {
  const { selector, notSelector, namespaceSelector, serviceAccounts } = terms;
  const parts: SelectorNode[] = [];
  if (namespaceSelector !== undefined) {
    parts.push(mapAtoms(namespaceSelector.root, translateNamespaceAtom));
  } else if (policyNamespace !== undefined && (selector ?? notSelector ?? serviceAccounts) !== undefined) {
    parts.push(isInNamespace(policyNamespace));
  }
  parts.push(...translateServiceAccounts(serviceAccounts));
  if (selector !== undefined) parts.push(selector.root);
  return parts.length === 0 ? undefined : makeSelector(joinNodes("and", parts));
}

/** Which endpoints a NetworkPolicy applies to: those of its own namespace that its selectors match. */
export function translateNetworkPolicySubject(subject: {
  readonly namespace: string;
  readonly selector?: Selector | undefined;
  readonly serviceAccountSelector?: Selector | undefined;
}): Selector {
  const inNamespace = isInNamespace(subject.namespace);
  const own = subject.selector === undefined ? inNamespace : joinNodes("and", [subject.selector.root, inNamespace]);
  if (subject.serviceAccountSelector === undefined) return makeSelector(own);
  const account = mapAtoms(subject.serviceAccountSelector.root, prefixAtom(systemLabels.serviceAccountPrefix));
  return makeSelector(joinNodes("and", [own, account]));
}

/** Which endpoints a GlobalNetworkPolicy applies to; a namespace or service account selector leaves host endpoints out. */
export function translateGlobalPolicySubject(subject: {
  readonly selector?: Selector | undefined;
  readonly namespaceSelector?: Selector | undefined;
  readonly serviceAccountSelector?: Selector | undefined;
}): Selector {
  const { namespacePrefix, serviceAccountPrefix, namespace, serviceAccount } = systemLabels;
  let node = subject.selector?.root;
  for (const [term, prefix, label] of [
    [subject.namespaceSelector, namespacePrefix, namespace],
    [subject.serviceAccountSelector, serviceAccountPrefix, serviceAccount],
  ] as const) {
    if (term === undefined) continue;
    const prefixed = mapAtoms(term.root, (atom) =>
      atom.type === "all" ? { type: "has", label } : prefixAtom(prefix)(atom),
    );
    // Two by two: the canonical text, hence the name of the set, shows the grouping.
    node = node === undefined ? prefixed : joinNodes("and", [node, prefixed]);
  }
  return makeSelector(node ?? { type: "all" });
}

/** Both given: both must hold. */
function translateServiceAccounts(accounts: EntityTerms["serviceAccounts"]): SelectorNode[] {
  const parts: SelectorNode[] = [];
  if (accounts?.selector !== undefined) {
    parts.push(mapAtoms(accounts.selector.root, prefixAtom(systemLabels.serviceAccountPrefix)));
  }
  if (accounts?.names !== undefined && accounts.names.length > 0) {
    // A name with both sorts of quotes can be written in no selector, and no service account can have it.
    const names = accounts.names.filter((name) => !(name.includes("'") && name.includes('"')));
    parts.push(makeSet("in", systemLabels.serviceAccount, names));
  }
  return parts.length === 0 ? [] : [joinNodes("and", parts)];
}

function isInNamespace(namespace: string): SelectorNode {
  return { type: "equals", label: systemLabels.namespace, value: namespace };
}

function translateNamespaceAtom(atom: Atom): SelectorNode {
  const hasNamespace: SelectorNode = { type: "has", label: systemLabels.namespace };
  if (atom.type === "all") return hasNamespace;
  if (atom.type === "global") return { type: "not", operand: hasNamespace };
  return prefixAtom(systemLabels.namespacePrefix)(atom);
}

type Atom = Exclude<SelectorNode, { readonly type: "not" | "and" | "or" }>;

function prefixAtom(prefix: string): (atom: Atom) => SelectorNode {
  return (atom) => ("label" in atom ? { ...atom, label: prefix + atom.label } : atom);
}

function mapAtoms(node: SelectorNode, change: (atom: Atom) => SelectorNode): SelectorNode {
  if ("operand" in node) return { type: "not", operand: mapAtoms(node.operand, change) };
  if ("operands" in node) {
    return { type: node.type, operands: node.operands.map((operand) => mapAtoms(operand, change)) };
  }
  return change(node);
}
