import type { Dice } from "../policy/dice.ts";
import { type Json, optionally } from "../policy/random-labels.ts";
import { namespaces } from "./cast.ts";
import { clusterPeer, clusterSubject, entity, nets, peer, podSelector, selector, spaces } from "./random-parts.ts";

/** What the policies of one situation have in common. */
export type Style = {
  readonly names: readonly string[];
  readonly tiers: readonly string[];
  readonly orders: readonly (number | undefined)[];
  /** Rules of one in so many name ports. */
  readonly ports: number;
  readonly actions: readonly (readonly [weight: number, action: string])[];
};

export function randomPolicy(dice: Dice, style: Style): Json {
  return dice.weigh<(dice: Dice, style: Style) => Json>([
    [4, kubernetesPolicy],
    [4, namespacedPolicy],
    [4, globalPolicy],
    [2, clusterPolicy],
  ])(dice, style);
}

export function kubernetesPolicy(dice: Dice, style: Style): Json {
  const rule = (side: string) => ({
    ...optionally(dice, 4, { [side]: dice.list(1, 2, () => peer(dice)) }, true),
    ...optionally(dice, style.ports, { ports: dice.list(1, 3, () => kubernetesPort(dice)) }),
  });
  const types = dice.weigh([
    [5, ["Ingress"]],
    [2, ["Egress"]],
    [2, ["Ingress", "Egress"]],
  ]);
  return {
    kind: "KubernetesNetworkPolicy",
    metadata: { name: dice.pick(style.names), namespace: dice.pick(namespaces) },
    spec: {
      podSelector: dice.isOnce(2) ? {} : podSelector(dice),
      policyTypes: types,
      ...(types.includes("Ingress") ? { ingress: dice.list(0, 3, () => rule("from")) } : {}),
      ...(types.includes("Egress") ? { egress: dice.list(1, 3, () => rule("to")) } : {}),
    },
  };
}

function kubernetesPort(dice: Dice): Json {
  const protocol = dice.pick(["TCP", "TCP", "UDP", "SCTP"]);
  return dice.weigh<Json>([
    [4, { protocol, port: dice.pick([53, 80, 443, 8080]) }],
    [2, { protocol, port: dice.pick([53, 80]), endPort: dice.pick([80, 443, 9000]) }],
    [2, { protocol, port: dice.pick(["http", "dns", "sql"]) }],
    [1, { protocol }],
  ]);
}

export function namespacedPolicy(dice: Dice, style: Style): Json {
  const accounts = dice.isOnce(10) ? { serviceAccountSelector: "duty == 'look'" } : {};
  return {
    kind: "NetworkPolicy",
    metadata: { name: dice.pick(style.names), namespace: dice.pick(namespaces) },
    spec: { ...optionally(dice, 3, { selector: selector(dice) }, true), ...accounts, ...common(dice, style) },
  };
}

export function globalPolicy(dice: Dice, style: Style): Json {
  const space = dice.pick(["all()", "all()", spaces(dice).replaceAll("global()", "all()")]);
  return {
    kind: "GlobalNetworkPolicy",
    metadata: { name: dice.pick(style.names) },
    spec: {
      ...optionally(dice, 3, { selector: selector(dice) }, true),
      ...optionally(dice, 3, { namespaceSelector: space }),
      ...common(dice, style),
    },
  };
}

function common(dice: Dice, style: Style): Json {
  const tier = dice.pick(style.tiers);
  const order = dice.pick(style.orders);
  const types = dice.weigh([
    [5, ["Ingress"]],
    [2, ["Egress"]],
    [2, ["Ingress", "Egress"]],
  ]);
  const rules = () => dice.list(1, 4, () => rule(dice, style));
  return {
    ...(tier === "default" ? {} : { tier }),
    ...(order === undefined ? {} : { order }),
    types,
    ...(types.includes("Ingress") ? { ingress: rules() } : {}),
    ...(types.includes("Egress") ? { egress: rules() } : {}),
  };
}

/** Matches of one rule agree about the IP version, and ports have a protocol, as the API asks for. */
function rule(dice: Dice, style: Style): Json {
  const action = dice.weigh(style.actions);
  const [source, destination] = [entity(dice), dice.isOnce(3) ? entity(dice) : {}];
  const isNetted = (end: Json) => "nets" in end || "notNets" in end;
  const other = isNetted(source) && isNetted(destination) ? {} : destination;
  const protocol = dice.pick(["TCP", "UDP", "SCTP"]);
  if (!dice.isOnce(style.ports)) {
    const plain = dice.weigh<Json>([
      [5, {}],
      [1, { protocol }],
      [1, { notProtocol: protocol }],
      [1, isNetted(source) || isNetted(other) ? {} : { ipVersion: dice.pick([4, 6]) }],
    ]);
    return { action, ...plain, source, destination: other };
  }
  const names = dice.some<string | number>(["http", "dns", "sql"], 1, 2);
  const listed = dice.some<string | number>([53, 80, 443, 8080, "80:443", "81:9000", "http", "dns"], 1, 3);
  const ports = dice.weigh<Json>([
    [5, { ports: listed }],
    [1, { notPorts: listed }],
  ]);
  // Without a protocol only names will do.
  return dice.isOnce(5)
    ? { action, source, destination: { ...other, ports: names } }
    : { action, protocol, source, destination: { ...other, ...ports } };
}

function clusterPolicy(dice: Dice, style: Style): Json {
  const rule = (side: string) => ({
    action: dice.pick(["Accept", "Deny", "Deny", "Pass"]),
    [side]: dice.list(1, 2, () =>
      side === "to" && dice.isOnce(3) ? { networks: [...nets(dice, 1, 2), ...nets(dice, 1, 1)] } : clusterPeer(dice),
    ),
    ...optionally(dice, style.ports, { protocols: dice.list(1, 2, () => clusterPort(dice)) }),
  });
  return {
    kind: "KubernetesClusterNetworkPolicy",
    metadata: { name: dice.pick(style.names) },
    spec: {
      tier: dice.pick(["Admin", "Baseline"]),
      priority: dice.pick([0, 1, 2, 1000]),
      subject: clusterSubject(dice),
      ingress: dice.list(0, 3, () => rule("from")),
      egress: dice.list(0, 1, () => rule("to")),
    },
  };
}

function clusterPort(dice: Dice): Json {
  const destinationPort = dice.pick<Json>([{ number: 80 }, { number: 53 }, { range: { start: 81, end: 8080 } }]);
  return dice.pick<Json>([
    { tcp: { destinationPort } },
    { udp: { destinationPort } },
    { sctp: {} },
    { destinationNamedPort: "http" },
  ]);
}
