import type { Dice } from "./dice.ts";

/** An object as users write it. */
export type Json = Readonly<Record<string, unknown>>;

export const namespaces = ["blue", "red"];

/** The members once out of so many times; `isMostly`: all but once. */
export function optionally(dice: Dice, outOf: number, members: Json, isMostly = false): Json {
  return dice.isOnce(outOf) === isMostly ? {} : members;
}

export function randomLabels(dice: Dice): Json {
  return {
    ...optionally(dice, 3, { role: dice.pick(["web", "db"]) }, true),
    ...optionally(dice, 2, { stage: dice.pick(["test", "live"]) }),
    // Nobody gets into a namespace by saying that he is.
    ...optionally(dice, 15, { "pcns.color": "blue" }),
  };
}

export function randomSelector(dice: Dice): string {
  const atom = () =>
    dice.weigh([
      [4, "role == 'web'"],
      [3, "role == 'db'"],
      [2, "role != 'web'"],
      [2, "has(stage)"],
      [2, "all()"],
      [1, "!has(role)"],
      [1, "stage in {'test', 'none'}"],
      [1, "stage not in {'live'}"],
      [1, "role contains 'e'"],
      [1, "role starts with 'd'"],
      [1, "stage ends with 't'"],
      [1, "projectcalico.org/namespace == 'blue'"],
      [1, "projectcalico.org/orchestrator != 'k8s'"],
      [1, "projectcalico.org/serviceaccount == 'robot'"],
    ]);
  const [a, b] = [atom(), atom()];
  return dice.weigh([
    [6, a],
    [1, `${a} && ${b}`],
    [1, `${a} || ${b}`],
    [1, `!(${a} && ${b})`],
  ]);
}

export function randomNamespaceSelector(dice: Dice, isOfRule: boolean): string {
  return dice.pick([
    "all()",
    "color == 'blue'",
    "color != 'blue'",
    "has(color)",
    "projectcalico.org/name == 'red'",
    "stage == 'live' || all()",
    ...(isOfRule ? ["global()"] : ["!has(color)"]),
  ]);
}
