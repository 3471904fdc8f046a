import { Dice } from "../policy/dice.ts";
import type { Json } from "../policy/random-labels.ts";
import { type ActorName, type CastChanges, castResources, decode, merge, pods } from "./cast.ts";
import { allProbes, readServices } from "./expectation.ts";
import { Judge } from "./judged.ts";
import { castChanges, networkSets } from "./random-parts.ts";
import { type Style, globalPolicy, kubernetesPolicy, namespacedPolicy, randomPolicy } from "./random-policies.ts";
import type { Situation, Step } from "./situation.ts";

/** What a generated situation turns about. */
const axes = ["peers", "ports", "tiers", "conflicts", "label changes"] as const;
type Axis = (typeof axes)[number];

export const generatedCount = 230;

/** What is meant comes from the interpreter of `test/policy`; the same seed makes the same. */
export function generateSituation(seed: number): Situation {
  const axis = axes[seed % axes.length] ?? "peers";
  const dice = new Dice(seed);
  const isAboutPorts = axis === "ports";
  const actors: readonly ActorName[] = isAboutPorts ? [...dice.some(pods, 4, 4), "out"] : [...pods, "out"];
  const services = readServices(
    isAboutPorts ? "tcp/80 tcp/443 tcp/8080 udp/53 udp/80 sctp/80" : "tcp/80 tcp/8080 udp/53",
  );
  const make = () => {
    const worlds = axis === "label changes" ? changingWorlds(dice) : [steadyWorld(dice, axis)];
    return worlds.map((world) => toStep(world, actors, services));
  };
  let steps = make();
  for (let tries = 0; tries < maxTries && !steps.every(isTelling); tries++) steps = make();
  return { title: `seed ${seed}: ${axis}`, actors, services, denial: "silent", steps };
}

/** A world in which everything or nothing gets through proves little. */
const maxTries = 5;

function isTelling({ expected: { probes, isOpen } }: Step): boolean {
  return probes.some(isOpen) && !probes.every(isOpen);
}

type World = { readonly objects: readonly Json[]; readonly cast: CastChanges };

function toStep({ objects, cast }: World, actors: readonly ActorName[], services: Situation["services"]): Step {
  const resources = merge(castResources(cast), objects.map(decode));
  const judge = new Judge(resources);
  return { resources, expected: { probes: allProbes(actors, services), isOpen: (probe) => judge.isOpen(probe) } };
}

const plain: Style = {
  names: ["a", "b", "c"],
  tiers: ["default"],
  orders: [undefined, 10, 20],
  ports: 6,
  actions: [
    [5, "Allow"],
    [2, "Deny"],
    [1, "Log"],
    [1, "Pass"],
  ],
};

const styles: Readonly<Record<Axis, Style>> = {
  peers: plain,
  ports: { ...plain, ports: 1 },
  tiers: {
    ...plain,
    tiers: ["default", "gamma", "delta", "missing", "gamma", "delta"],
    actions: [
      [3, "Allow"],
      [2, "Deny"],
      [1, "Log"],
      [4, "Pass"],
    ],
  },
  // Ties, names that begin alike, and both sides of the order of Kubernetes' policies.
  conflicts: {
    ...plain,
    names: ["gate", "gate-a", "gate0", "gate.b"],
    orders: [undefined, 1000, 1000, 999.5, -1, 0],
    actions: [
      [4, "Allow"],
      [4, "Deny"],
      [1, "Pass"],
    ],
  },
  "label changes": plain,
};

function steadyWorld(dice: Dice, axis: Axis): World {
  const style = styles[axis];
  const objects = [...networkSets(dice), ...(axis === "tiers" ? tiers(dice) : []), ...policies(dice, axis, style)];
  return { objects, cast: dice.isOnce(2) ? castChanges(dice) : {} };
}

function policies(dice: Dice, axis: Axis, style: Style): Json[] {
  switch (axis) {
    case "tiers":
      return [
        ...dice.list(2, 4, () => dice.pick([globalPolicy, globalPolicy, namespacedPolicy])(dice, style)),
        ...dice.list(0, 2, () => randomPolicy(dice, style)),
      ];
    case "conflicts":
      return dice.list(3, 6, () =>
        dice.pick([globalPolicy, namespacedPolicy, namespacedPolicy, kubernetesPolicy])(dice, style),
      );
    case "peers":
    case "ports":
    case "label changes":
      return dice.list(1, 3, () => randomPolicy(dice, style));
  }
}

function tiers(dice: Dice): Json[] {
  return ["gamma", "delta"].map((name) => ({
    kind: "Tier",
    metadata: { name },
    spec: {
      defaultAction: dice.pick(["Deny", "Pass", "Pass"]),
      ...(dice.isOnce(4) ? {} : { order: dice.pick([-2, 0.5, 1000, 1_000_000, 20_000_000]) }),
    },
  }));
}

/** Three states one after the other: labels and ports change, then a policy too, and then the cast is itself again. */
function changingWorlds(dice: Dice): World[] {
  const first = steadyWorld(dice, "label changes");
  const changed = { ...first, cast: castChanges(dice) };
  const last = first.objects.length - 1;
  const swapped = first.objects.map((object, at) => (at === last ? randomPolicy(dice, plain) : object));
  return [first, changed, { objects: swapped, cast: {} }];
}
