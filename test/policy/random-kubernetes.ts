import type { Dice } from "./dice.ts";
import { type Json, namespaces, optionally } from "./random-labels.ts";

/** Kubernetes' own policies; now and then one with a mistake in it. */
export function randomKubernetesPolicy(dice: Dice): Json {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "KubernetesNetworkPolicy",
    metadata: { name: dice.pick(["a", "b", "k"]), namespace: dice.pick(namespaces) },
    spec: {
      podSelector: dice.isOnce(2) ? {} : podSelector(dice),
      ...optionally(dice, 5, { policyTypes: dice.pick([["Ingress"], ["Egress"], ["Egress", "Ingress"]]) }, true),
      ingress: dice.list(0, 2, () => ({
        ...optionally(dice, 4, { from: dice.list(0, 2, () => peer(dice)) }, true),
        ...ports(dice),
      })),
      egress: dice.list(0, 2, () => ({
        ...optionally(dice, 4, { to: dice.list(0, 2, () => peer(dice)) }, true),
        ...ports(dice),
      })),
    },
  };
}

function podSelector(dice: Dice): Json {
  return {
    ...optionally(dice, 2, { matchLabels: { role: dice.pick(["web", "db"]) } }),
    ...optionally(dice, 2, { matchExpressions: [expression(dice, "stage", ["test", "live"])] }),
  };
}

function namespaceSelector(dice: Dice): Json {
  return dice.pick<Json>([
    {},
    { matchLabels: { color: "blue" } },
    { matchExpressions: [expression(dice, "color", ["blue"])] },
  ]);
}

function expression(dice: Dice, key: string, values: readonly string[]): Json {
  const operator = dice.pick(["In", "NotIn", "Exists", "DoesNotExist"]);
  return { key, operator, ...(operator.includes("In") ? { values: dice.some(values, 1, 2) } : {}) };
}

function peer(dice: Dice): Json {
  if (dice.isOnce(2)) {
    const isIpv4 = dice.isOnce(2);
    const cidr = dice.pick(
      isIpv4 ? ["10.0.0.0/29", "0.0.0.0/0", "10.0.0.5/30", "10.0.0.5"] : ["fd00::/125", "::/0", "fd00::/126"],
    );
    const except = isIpv4
      ? ["10.0.0.2/31", "10.0.0.4/30", "fd00::1/128", "0.0.0.0/0"]
      : ["fd00::2/127", "fd00::4/126", "10.0.0.1/32", ...(dice.isOnce(4) ? ["no net"] : [])];
    return { ipBlock: { cidr, ...optionally(dice, 2, { except: dice.some(except, 1, 2) }, true) } };
  }
  return {
    ...optionally(dice, 3, { podSelector: podSelector(dice) }, true),
    ...optionally(dice, 2, { namespaceSelector: namespaceSelector(dice) }),
  };
}

function ports(dice: Dice): Json {
  if (dice.isOnce(3)) return {};
  return { ports: dice.list(0, 3, () => port(dice)) };
}

function port(dice: Dice): Json {
  return {
    ...optionally(dice, 2, { protocol: dice.pick(["TCP", "UDP", "SCTP", "UDP", "ICMP"]) }),
    ...dice.weigh<Json>([
      [3, { port: dice.pick([53, 80, 8080, "443"]) }],
      [2, { port: dice.pick(["http", "dns"]) }],
      [2, { port: 79, endPort: dice.pick([79, 81, 443]) }],
      [1, {}],
      [1, { port: 80, endPort: 53 }],
    ]),
  };
}

export function randomClusterPolicy(dice: Dice): Json {
  return {
    apiVersion: "policy.networking.k8s.io/v1alpha2",
    kind: "KubernetesClusterNetworkPolicy",
    metadata: { name: dice.pick(["a", "b", "z"]) },
    spec: {
      tier: dice.weigh([
        [4, "Admin"],
        [3, "Baseline"],
        [1, "Else"],
      ]),
      ...optionally(dice, 2, { priority: dice.pick([1, 5]) }),
      subject: dice.weigh<Json>([
        [4, { namespaces: namespaceSelector(dice) }],
        [
          3,
          {
            pods: {
              ...optionally(dice, 2, { namespaceSelector: namespaceSelector(dice) }),
              podSelector: podSelector(dice),
            },
          },
        ],
        [1, {}],
      ]),
      ingress: dice.list(0, 2, () => clusterRule(dice, "from")),
      egress: dice.list(0, 2, () => clusterRule(dice, "to")),
    },
  };
}

function clusterRule(dice: Dice, end: "from" | "to"): Json {
  return {
    action: dice.weigh([
      [4, "Accept"],
      [2, "Deny"],
      [3, "Pass"],
      [1, "Else"],
    ]),
    [end]: dice.list(dice.isOnce(8) ? 0 : 1, 2, () => clusterPeer(dice, end)),
    ...optionally(dice, 2, { protocols: dice.list(0, 2, () => clusterPort(dice)) }),
  };
}

function clusterPeer(dice: Dice, end: "from" | "to"): Json {
  return dice.weigh<Json>([
    [5, { namespaces: namespaceSelector(dice) }],
    [
      4,
      {
        pods: {
          ...optionally(dice, 2, { namespaceSelector: namespaceSelector(dice) }),
          podSelector: podSelector(dice),
        },
      },
    ],
    [end === "to" ? 3 : 0, { networks: dice.some(["10.0.0.0/29", "fd00::/126", "0.0.0.0/0", "10.0.0.5/31"], 1, 2) }],
    [1, dice.pick<Json>([{ domainNames: ["a.example"] }, { networks: ["10.0.0.6"] }])],
  ]);
}

function clusterPort(dice: Dice): Json {
  const destinationPort = dice.pick<Json>([
    { number: 80 },
    { number: 53 },
    { range: { start: 79, end: 81 } },
    { range: { start: 443, end: 80 } },
  ]);
  const match = optionally(dice, 4, { destinationPort }, true);
  return dice.weigh<Json>([
    [4, { [dice.pick(["tcp", "udp", "sctp"])]: match }],
    [2, { destinationNamedPort: dice.pick(["http", "dns"]) }],
    [1, {}],
  ]);
}
