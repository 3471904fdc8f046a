import type { Dice } from "./dice.ts";
import { type Json, namespaces, optionally, randomNamespaceSelector, randomSelector } from "./random-labels.ts";

const apiVersion = "projectcalico.org/v3";

type Direction = "ingress" | "egress";

/** What the policies of one cluster have in common: without it they would seldom meet in one tier, or in one order. */
export type Style = { readonly tiers: readonly string[]; readonly orders: readonly (number | undefined)[] };

export function randomStyle(dice: Dice): Style {
  return {
    tiers: dice.pick([
      ["default"],
      ["default", "alpha"],
      ["default", "default", "alpha", "omega", "kube-admin", "kube-baseline"],
    ]),
    orders: dice.pick([[10], [undefined, 0], [-1, 0, 10, 1000, undefined]]),
  };
}

export function randomNetworkPolicy(dice: Dice, style: Style): Json {
  return {
    apiVersion,
    kind: "NetworkPolicy",
    metadata: { name: randomName(dice), namespace: dice.pick(namespaces) },
    spec: randomSpec(dice, style, true),
  };
}

export function randomGlobalPolicy(dice: Dice, style: Style): Json {
  return globalPolicy(dice, style, dice.isOnce(4) ? { applyOnForward: true } : {});
}

/** One that interfaces of hosts have to do with. */
export function randomHostPolicy(dice: Dice, style: Style): Json {
  const place = dice.pick<Json>([
    {},
    { applyOnForward: true },
    { applyOnForward: true, doNotTrack: true },
    { applyOnForward: true, preDNAT: true },
  ]);
  return globalPolicy(dice, style, place);
}

function globalPolicy(dice: Dice, style: Style, place: Json): Json {
  const spec = randomSpec(dice, style, false);
  const { egress: _, ...withoutEgress } = spec;
  return {
    apiVersion,
    kind: "GlobalNetworkPolicy",
    metadata: { name: randomName(dice) },
    spec: {
      ...(place["preDNAT"] === true ? { ...withoutEgress, types: ["Ingress"] } : spec),
      ...place,
      ...optionally(dice, 6, { namespaceSelector: randomNamespaceSelector(dice, false) }),
    },
  };
}

/** Never enforced, whatever it says. */
export function randomStagedPolicy(dice: Dice, style: Style): Json {
  const policy = dice.pick([randomNetworkPolicy, randomGlobalPolicy])(dice, style);
  return {
    ...policy,
    kind: `Staged${String(policy["kind"])}`,
    spec: { ...(policy["spec"] as Json), stagedAction: "Set" },
  };
}

/** Names that byte order does not sort as one might think. */
function randomName(dice: Dice): string {
  return dice.pick(["a", "b", "a-x", "a.x", "c", "a0"]);
}

function randomSpec(dice: Dice, style: Style, isNamespaced: boolean): Json {
  const types = dice.weigh([
    [5, ["Ingress"]],
    [2, ["Egress"]],
    [2, ["Ingress", "Egress"]],
  ]);
  const order = dice.pick(style.orders);
  return {
    tier: dice.pick(style.tiers),
    ...(order === undefined ? {} : { order }),
    ...optionally(dice, 2, { selector: randomSelector(dice) }),
    ...optionally(dice, 12, { serviceAccountSelector: dice.pick(["team == 'ops'", "all()", "team != 'ops'"]) }),
    types,
    ingress: randomRules(dice, "ingress", isNamespaced),
    egress: randomRules(dice, "egress", isNamespaced),
  };
}

export function randomRules(dice: Dice, direction: Direction, isNamespaced: boolean): Json[] {
  return dice.list(0, 3, () => randomRule(dice, direction, isNamespaced));
}

function randomRule(dice: Dice, direction: Direction, isNamespaced: boolean): Json {
  const action = dice.weigh([
    [6, "Allow"],
    [2, "Deny"],
    [2, "Pass"],
    [1, "Log"],
  ]);
  // Prefixes of one rule are of one version.
  const nets = dice.isOnce(2) ? nets4 : nets6;
  const make = dice.weigh([
    [3, plainRule],
    [5, portRule],
    [2, icmpRule],
    [1, exceptRule],
  ]);
  const rule = { action, ...make(dice, nets) };
  if (!dice.isOnce(25)) return rule;
  const end = direction === "ingress" ? "source" : "destination";
  return { ...rule, [end]: { services: { name: "web", ...(isNamespaced ? {} : { namespace: "blue" }) } } };
}

const nets4 = ["10.0.0.0/30", "10.0.0.4/32", "10.0.0.0/8", "0.0.0.0/0", "10.0.0.1/32", "10.0.0.6/31", "192.0.2.0/24"];
const nets6 = ["fd00::/126", "fd00::4/128", "fd00::/16", "::/0", "fd00::1/128", "fd00::6/127", "2001:db8::/32"];

function plainRule(dice: Dice, nets: readonly string[]): Json {
  const version = nets === nets4 ? 4 : 6;
  return {
    ...optionally(dice, 4, { ipVersion: version }),
    ...optionally(dice, 3, { protocol: dice.pick(["TCP", "UDP", "SCTP", 47, "UDPLite"]) }),
    source: randomEntity(dice, nets),
    destination: randomEntity(dice, nets),
  };
}

function portRule(dice: Dice, nets: readonly string[]): Json {
  // Numbers go with a protocol only; names do without.
  const protocol = dice.isOnce(5) ? undefined : dice.pick(["TCP", "TCP", "UDP", "SCTP", 6]);
  const ports = () =>
    dice.list(1, 3, () =>
      protocol === undefined || dice.isOnce(3) ? dice.pick(["http", "dns"]) : dice.pick(portsOfRules),
    );
  const end = (outOf: number): Json => ({
    ...randomEntity(dice, nets),
    ...optionally(dice, outOf, { ports: ports() }),
    ...optionally(dice, 6, { notPorts: ports() }),
  });
  return { ...(protocol === undefined ? {} : { protocol }), source: end(6), destination: end(2) };
}

/** Their ends are among the ports of packets, and so are the ports beside them. */
const portsOfRules = [22, 53, 80, 443, 8080, "53:67", "79:81", "80:443", "8000:8080", "1:65535"];

function icmpRule(dice: Dice, nets: readonly string[]): Json {
  const [protocol, types] = nets === nets4 ? (["ICMP", [8, 0, 3]] as const) : (["ICMPv6", [128, 129, 1]] as const);
  const match = (): Json => ({ type: dice.pick(types), ...optionally(dice, 2, { code: dice.below(2) }) });
  return {
    protocol,
    ...optionally(dice, 2, { icmp: match() }),
    ...optionally(dice, 4, { notICMP: match() }),
    source: randomEntity(dice, nets),
  };
}

function exceptRule(dice: Dice, nets: readonly string[]): Json {
  return {
    ...optionally(dice, 4, { notProtocol: dice.pick(["TCP", "UDP", "ICMP", "ICMPv6", 47]) }, true),
    ...optionally(dice, 3, { notICMP: dice.pick([{ type: 8 }, { type: 128, code: 0 }, { type: 3, code: 1 }]) }),
    destination: randomEntity(dice, nets),
  };
}

/** Most ends of rules have few members: otherwise no packet would ever match. */
function randomEntity(dice: Dice, nets: readonly string[]): Json {
  const members = dice.weigh<readonly string[]>([
    [22, []],
    [3, ["nets"]],
    [2, ["notNets"]],
    [4, ["selector"]],
    [2, ["notSelector"]],
    [2, ["namespaceSelector"]],
    [1, ["serviceAccounts"]],
    [1, ["selector", "notSelector"]],
    [1, ["namespaceSelector", "selector"]],
    [1, ["namespaceSelector", "notSelector"]],
    [1, ["serviceAccounts", "notSelector"]],
    [1, ["nets", "selector"]],
    [1, ["notNets", "selector"]],
    [1, ["nets", "notNets"]],
  ]);
  const make: Readonly<Record<string, () => unknown>> = {
    nets: () => dice.some(nets, 1, 5),
    notNets: () =>
      dice.some(
        nets.filter((net) => !net.endsWith("/0")),
        1,
        5,
      ),
    selector: () => randomSelector(dice),
    notSelector: () => randomSelector(dice),
    namespaceSelector: () => randomNamespaceSelector(dice, true),
    serviceAccounts: () =>
      dice.pick<Json>([
        { names: ["robot"] },
        { names: ["robot", "human"] },
        { selector: "team == 'ops'" },
        { names: ["human"], selector: "team != 'ops'" },
        { names: [] },
      ]),
  };
  return Object.fromEntries(members.map((member) => [member, make[member]!()]));
}
