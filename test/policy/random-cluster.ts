import { Dice } from "./dice.ts";
import { randomClusterPolicy, randomKubernetesPolicy } from "./random-kubernetes.ts";
import { type Json, optionally, randomLabels, namespaces } from "./random-labels.ts";
import {
  type Style,
  randomGlobalPolicy,
  randomHostPolicy,
  randomNetworkPolicy,
  randomRules,
  randomStagedPolicy,
  randomStyle,
} from "./random-policy.ts";
import { addressOf, elsewhere, here, ownDigits, versions, workloadDigits } from "./world.ts";

const apiVersion = "projectcalico.org/v3";

/** What a cluster and its packets turn about: workloads, pods of Kubernetes, or interfaces of the host. */
export type Focus = "workloads" | "pods" | "hosts";

const foci: readonly Focus[] = ["workloads", "hosts", "workloads", "pods"];

export function focusOf(seed: number): Focus {
  return foci[seed % foci.length]!;
}

/** Everything that decides about packets of one host, as users write it: small, so that rules and packets often meet. */
export function randomCluster(seed: number): Json[] {
  const dice = new Dice(seed);
  const focus = focusOf(seed);
  const style = randomStyle(dice);
  const spoofing = dice.pick(["Any", "Disabled", "Disabled"]);
  const traits = { focus, askToSpoof: spoofing === "Any" ? 3 : 30 };
  const objects = [
    ...workloadDigits.flatMap((digit) => (dice.isOnce(40) ? [] : [workload(dice, digit, traits)])),
    ...(dice.isOnce(10) ? [rival(dice, traits)] : []),
    ...hostEndpoints(dice, focus),
    ...dice.list(0, 3, () => networkSet(dice)),
    ...namespaces.flatMap((name) => (dice.isOnce(4) ? [] : [namespace(dice, name)])),
    ...dice.some(accounts, 0, 2).map((name) => serviceAccount(dice, name)),
    ...profiles(dice),
    ...tiers(dice),
    ...dice.list(1, 8, () => policy(dice, focus, style)),
    ...configurations(dice, spoofing),
  ];
  return [...new Map(objects.map((object) => [nameOf(object), object])).values()];
}

export function nameOf({ kind, metadata }: Json): string {
  const { namespace = "", name } = metadata as { namespace?: string; name: string };
  return `${String(kind)}/${namespace}/${name}`;
}

const accounts = ["robot", "human"];

function policy(dice: Dice, focus: Focus, style: Style): Json {
  if (focus === "hosts" && !dice.isOnce(4)) return randomHostPolicy(dice, style);
  if (focus === "pods" && !dice.isOnce(4)) return dice.pick([randomKubernetesPolicy, randomClusterPolicy])(dice);
  const make = dice.weigh([
    [5, randomNetworkPolicy],
    [5, randomGlobalPolicy],
    [2, randomKubernetesPolicy],
    [2, randomClusterPolicy],
    [1, randomStagedPolicy],
  ]);
  return make(dice, style);
}

/** `askToSpoof`: one of so many workloads asks for it. */
type Traits = { readonly focus: Focus; readonly askToSpoof: number };

function workload(dice: Dice, digit: number, { focus, askToSpoof }: Traits): Json {
  const space = dice.pick(namespaces);
  const isPod = !dice.isOnce(focus === "pods" ? 10 : 3);
  const account = dice.isOnce(3) ? dice.pick(accounts) : undefined;
  // Some have the address of a neighbour too.
  const digits = dice.isOnce(10) ? [digit, digit === 5 ? 1 : digit + 1] : [digit];
  const own = versions.flatMap((version) => (dice.isOnce(15) ? [] : digits.map((one) => addressOf(one, version))));
  return {
    apiVersion,
    kind: "WorkloadEndpoint",
    metadata: { name: `w${digit}`, namespace: space, labels: randomLabels(dice) },
    spec: {
      node: digit <= 3 ? here : elsewhere,
      orchestrator: isPod ? "k8s" : "tortie",
      endpoint: "eth0",
      ...(isPod ? { pod: `w${digit}` } : { workload: `w${digit}` }),
      // One has an interface that an orchestrator named.
      interfaceName: digit === 3 ? "tap3" : `tt${digit}`,
      ipNetworks: own,
      profiles: [
        ...dice.some(["missing", "own", "shut", ...(account === undefined ? [] : [`ksa.${space}.${account}`])], 0, 2),
        ...dice.some([`kns.${space}`, "open", "own"], 0, 2),
      ].filter(isFirst),
      ...(account === undefined ? {} : { serviceAccountName: account }),
      ports: ports(dice),
      ...(dice.isOnce(askToSpoof)
        ? { allowSpoofedSourcePrefixes: dice.some(["10.0.0.6/31", "fd00::6/127", "10.0.0.4/32"], 1, 2) }
        : {}),
    },
  };
}

function isFirst(text: string, at: number, all: readonly string[]): boolean {
  return all.indexOf(text) === at;
}

/** Another endpoint that claims an interface, before or behind its owner. */
function rival(dice: Dice, traits: Traits): Json {
  const digit = dice.pick([1, 2, 3]);
  const endpoint = workload(dice, digit, traits);
  return { ...endpoint, metadata: { ...(endpoint["metadata"] as Json), name: dice.pick([`a${digit}`, `x${digit}`]) } };
}

function ports(dice: Dice): Json[] {
  return dice.list(0, 3, () => ({
    name: dice.pick(["http", "dns"]),
    protocol: dice.pick(["TCP", "UDP", "UDP", "SCTP"]),
    port: dice.pick([53, 80, 8080]),
  }));
}

function hostEndpoints(dice: Dice, focus: Focus): Json[] {
  if (focus === "workloads" && !dice.isOnce(3)) return [];
  const make = (name: string, spec: Json): Json => ({
    apiVersion,
    kind: "HostEndpoint",
    metadata: { name, labels: randomLabels(dice) },
    spec: {
      node: here,
      profiles: dice.some(["own", "open", "projectcalico-default-allow"], 0, 2),
      ...spec,
      ...optionally(dice, 3, { ports: ports(dice) }),
    },
  });
  const ownOf = (digit: number) => versions.map((version) => addressOf(digit, version));
  const kinds: (() => Json)[] = [
    () => make("outer", { interfaceName: "eth0" }),
    () => make("a-outer", { interfaceName: "eth0", expectedIPs: ownOf(8) }),
    () => make("inner", { expectedIPs: ownOf(dice.pick(ownDigits)) }),
    () => make("b-inner", { expectedIPs: [addressOf(10, dice.pick(versions))] }),
    () => make("rest", { interfaceName: "*" }),
    () => make("a-rest", { interfaceName: "*", expectedIPs: ownOf(8) }),
    () => make("far", { node: elsewhere, interfaceName: "eth0", expectedIPs: ownOf(dice.pick([5, 6, 7])) }),
  ];
  return dice.some(kinds, focus === "hosts" ? 2 : 1, 4).map((one) => one());
}

function networkSet(dice: Dice): Json {
  const nets = dice.some(
    [
      "10.0.0.0/30",
      "10.0.0.4/31",
      "10.0.0.6/32",
      "0.0.0.0/0",
      "fd00::/126",
      "fd00::4/127",
      "fd00::7/128",
      "::/0",
      "10.0.0.0/29",
    ],
    0,
    3,
  );
  const spec = { nets };
  if (dice.isOnce(2))
    return {
      apiVersion,
      kind: "GlobalNetworkSet",
      metadata: { name: dice.pick(["set", "net"]), labels: randomLabels(dice) },
      spec,
    };
  return {
    apiVersion,
    kind: "NetworkSet",
    metadata: { name: "set", namespace: dice.pick(namespaces), labels: randomLabels(dice) },
    spec,
  };
}

function namespace(dice: Dice, name: string): Json {
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: {
      name,
      labels: {
        ...(name === "blue" ? { color: "blue" } : {}),
        ...optionally(dice, 2, { stage: dice.pick(["test", "live"]) }),
      },
    },
  };
}

function serviceAccount(dice: Dice, name: string): Json {
  return {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name, namespace: dice.pick(namespaces), labels: optionally(dice, 2, { team: "ops" }) },
  };
}

function profiles(dice: Dice): Json[] {
  const make = (name: string, spec: Json): Json => ({ apiVersion, kind: "Profile", metadata: { name }, spec });
  const allow = [{ action: "Allow" }];
  const deny = [{ action: "Deny" }];
  const all = [
    make("own", {
      ingress: randomRules(dice, "ingress", false),
      egress: randomRules(dice, "egress", false),
      labelsToApply: optionally(dice, 2, { stage: "live", role: "web" }),
    }),
    make("open", { ingress: allow, egress: allow, labelsToApply: optionally(dice, 3, { stage: "test" }) }),
    make("shut", { ingress: deny, egress: dice.isOnce(2) ? deny : [{ action: "Pass" }, ...allow] }),
  ];
  return all.filter(() => !dice.isOnce(4));
}

function tiers(dice: Dice): Json[] {
  return dice.some(["alpha", "omega"], 0, 2).map((name) => ({
    apiVersion,
    kind: "Tier",
    metadata: { name },
    spec: {
      ...optionally(dice, 4, { defaultAction: dice.pick(["Deny", "Pass", "Pass"]) }, true),
      ...optionally(dice, 4, { order: dice.pick([-5, 1, 500, 1_000_000, 2_000_000, 20_000_000]) }, true),
    },
  }));
}

function configurations(dice: Dice, spoofing: string): Json[] {
  const make = (name: string, more: Json = {}): Json => ({
    apiVersion,
    kind: "FelixConfiguration",
    metadata: { name },
    spec: { ...settings(dice), ...more },
  });
  const others = [`node.${here}`, `node.${elsewhere}`].filter(() => dice.isOnce(5)).map((name) => make(name));
  if (spoofing === "Disabled" && dice.isOnce(3)) return others;
  return [make("default", { workloadSourceSpoofing: spoofing }), ...others];
}

function settings(dice: Dice): Json {
  const failsafe = (): Json => ({
    protocol: dice.pick(["TCP", "UDP"]),
    port: dice.pick([22, 53, 80, 179]),
    ...optionally(dice, 2, { net: dice.pick(["10.0.0.4/31", "fd00::4/127"]) }),
  });
  return {
    ...optionally(dice, 2, { defaultEndpointToHostAction: dice.pick(["Accept", "RETURN", "drop"]) }),
    ...optionally(dice, 3, { failsafeInboundHostPorts: dice.list(0, 3, failsafe) }),
    ...optionally(dice, 3, { failsafeOutboundHostPorts: dice.list(0, 3, failsafe) }),
    ...optionally(dice, 3, { nftablesFilterDenyAction: dice.pick(["Reject", "Drop"]) }),
    ...optionally(dice, 3, { disableConntrackInvalidCheck: dice.isOnce(2) }),
    ...optionally(dice, 2, { allowVXLANPacketsFromWorkloads: dice.isOnce(2) }),
    ...optionally(dice, 2, { allowIPIPPacketsFromWorkloads: dice.isOnce(2) }),
    ...optionally(dice, 5, { logPrefix: dice.pick(["packet", "%t:%n", "%k/%p"]) }),
    ...optionally(dice, 5, { logActionRateLimit: "10/second" }),
  };
}
