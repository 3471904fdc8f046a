import type { Dice } from "../policy/dice.ts";
import { type Json, optionally } from "../policy/random-labels.ts";
import { type CastChanges, type PodName, namespaces, pods } from "./cast.ts";

/** Words of the cast, as chance puts them together: so that most of what is asked for is there. */
const apps = ["web", "api", "db", "bench", "mon"];

export function label(dice: Dice): readonly [key: string, value: string] {
  return dice.weigh([
    [4, ["app", dice.pick(apps)] as const],
    [3, ["tier", dice.pick(["front", "back"])] as const],
    [3, ["stage", dice.pick(["live", "test"])] as const],
  ]);
}

function namespaceLabel(dice: Dice): readonly [key: string, value: string] {
  return dice.pick([
    ["team", dice.pick(["sales", "science"])],
    ["stage", dice.pick(["live", "test"])],
  ] as const);
}

/** A selector of Kubernetes over such labels. */
function labelSelector(dice: Dice, pick: (dice: Dice) => readonly [string, string]): Json {
  const [key, value] = pick(dice);
  return dice.weigh<Json>([
    [3, { matchLabels: { [key]: value } }],
    [1, {}],
    [1, { matchExpressions: [{ key, operator: dice.pick(["In", "NotIn"]), values: [value, pick(dice)[1]] }] }],
    [1, { matchExpressions: [{ key, operator: dice.pick(["Exists", "DoesNotExist"]) }] }],
  ]);
}

export function podSelector(dice: Dice): Json {
  return labelSelector(dice, label);
}

function namespaceSelector(dice: Dice): Json {
  return labelSelector(dice, namespaceLabel);
}

export function selector(dice: Dice, pick: (dice: Dice) => readonly [string, string] = label): string {
  const atom = () => {
    const [key, value] = pick(dice);
    const [, other] = pick(dice);
    return dice.weigh([
      [5, `${key} == '${value}'`],
      [2, `${key} != '${value}'`],
      [1, `has(${key})`],
      [1, `!has(${key})`],
      [1, `${key} in {'${value}', '${other}'}`],
      [1, `${key} not in {'${value}', '${other}'}`],
      [1, `${key} contains '${value.slice(1, 3)}'`],
      [1, `${key} starts with '${value.slice(0, 2)}'`],
      [1, `${key} ends with '${value.slice(-1)}'`],
    ]);
  };
  const [a, b] = [atom(), atom()];
  return dice.weigh([
    [5, a],
    [1, `${a} && ${b}`],
    [2, `${a} || ${b}`],
    [1, `!(${a} || ${b})`],
  ]);
}

/** Nets of one IP version, from the whole world to one address of the cast. */
export function nets(dice: Dice, low: number, high: number): string[] {
  const four = ["10.10.1.0/24", "10.10.2.0/24", "10.10.0.0/16", "10.10.1.2/31", "10.10.2.2/32", "198.51.100.0/24"];
  const six = ["fd10:1::/64", "fd10:2::/64", "fd10::/16", "fd10:1::2/127", "fd10:2::2/128", "2001:db8:a::/48"];
  return dice.some(dice.pick([four, six]), low, high);
}

/** A peer of a Kubernetes NetworkPolicy. */
export function peer(dice: Dice): Json {
  return dice.weigh<() => Json>([
    [3, () => ({ podSelector: podSelector(dice) })],
    [3, () => ({ namespaceSelector: namespaceSelector(dice) })],
    [2, () => ({ namespaceSelector: namespaceSelector(dice), podSelector: podSelector(dice) })],
    [
      2,
      () => ({
        ipBlock: dice.pick<Json>([
          { cidr: nets(dice, 1, 1)[0] },
          { cidr: "10.10.0.0/16", except: dice.some(["10.10.1.0/24", "10.10.2.2/32", "10.10.1.8/29"], 1, 2) },
          { cidr: "::/0", except: dice.some(["fd10:2::/64", "fd10:1::3/128", "2001:db8::/32"], 1, 2) },
        ]),
      }),
    ],
  ])();
}

/** A peer of a ClusterNetworkPolicy. */
export function clusterPeer(dice: Dice): Json {
  if (dice.isOnce(2)) return { namespaces: namespaceSelector(dice) };
  return {
    pods: { podSelector: podSelector(dice), ...optionally(dice, 2, { namespaceSelector: namespaceSelector(dice) }) },
  };
}

export function clusterSubject(dice: Dice): Json {
  return clusterPeer(dice);
}

/** One end of a rule, without ports. */
export function entity(dice: Dice): Json {
  const account = () => dice.pick<Json>([{ names: ["watcher"] }, { selector: "duty == 'look'" }, { names: ["robot"] }]);
  return dice.weigh<() => Json>([
    [2, () => ({})],
    [5, () => ({ selector: selector(dice) })],
    [2, () => ({ namespaceSelector: spaces(dice) })],
    [2, () => ({ namespaceSelector: spaces(dice), selector: selector(dice) })],
    [2, () => ({ notSelector: selector(dice) })],
    [1, () => ({ selector: selector(dice), notSelector: selector(dice) })],
    [2, () => ({ nets: nets(dice, 1, 3) })],
    [1, () => ({ notNets: nets(dice, 1, 2) })],
    [1, () => ({ serviceAccounts: account() })],
    [1, () => ({ selector: selector(dice), nets: nets(dice, 1, 2) })],
  ])();
}

export function spaces(dice: Dice): string {
  return dice.weigh([
    [4, selector(dice, namespaceLabel)],
    [1, "all()"],
    [1, "global()"],
    [1, `projectcalico.org/name == '${dice.pick(namespaces)}'`],
  ]);
}

export function networkSets(dice: Dice): Json[] {
  return dice.list(0, 2, () => {
    const [key, value] = label(dice);
    const spec = { nets: [...new Set([...nets(dice, 0, 2), ...nets(dice, 1, 2)])] };
    const metadata = { name: dice.pick(["one", "two"]), labels: { [key]: value } };
    return dice.isOnce(2)
      ? { kind: "GlobalNetworkSet", metadata, spec }
      : { kind: "NetworkSet", metadata: { ...metadata, namespace: dice.pick(namespaces) }, spec };
  });
}

/** How some of the cast differ from themselves: labels, ports, accounts, profiles; labels of namespaces. */
export function castChanges(dice: Dice): CastChanges {
  const changed = dice.some<PodName>(pods, 1, 3).map((name) => [name, podChange(dice)] as const);
  const spaces = dice.some(namespaces, 0, 2).map((name) => {
    const labels = dice.list(0, 2, () => namespaceLabel(dice));
    return [name, Object.fromEntries(labels)] as const;
  });
  return { pods: Object.fromEntries(changed), namespaces: Object.fromEntries(spaces) };
}

function podChange(dice: Dice) {
  const named = () => ({
    name: dice.pick(["http", "sql", "dns"]),
    protocol: dice.pick(["TCP", "UDP"]),
    port: dice.pick([53, 80, 443, 8080]),
  });
  return {
    labels: Object.fromEntries(dice.list(0, 3, () => label(dice))),
    ...(dice.isOnce(2) ? { ports: dice.list(0, 2, named) } : {}),
    ...(dice.isOnce(5) ? { namespace: dice.pick(namespaces) } : {}),
    ...(dice.isOnce(6) ? { serviceAccount: "watcher" } : {}),
    ...(dice.isOnce(10) ? { profiles: [] } : {}),
  };
}
