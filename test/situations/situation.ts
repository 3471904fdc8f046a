import { parseAllDocuments } from "yaml";
import type { Resource } from "../../src/resources/index.ts";
import { type ActorName, type CastChanges, castResources, decode, merge } from "./cast.ts";
import { type Expectation, type ExpectationText, type Service, readExpectation, readServices } from "./expectation.ts";

/** One state of the world, and who reaches whom in it. */
type StepText = ExpectationText &
  CastText & {
    /** What is written beside the cast, as YAML; the API version may be left out. Default: that of the step before. */
    readonly policies?: string;
  };

/** How the cast differs from its usual self. */
type CastText = { readonly cast?: CastChanges };

type Stage = {
  /** Who takes part; default: all workloads and `out`. */
  readonly actors?: readonly ActorName[];
  /** What everybody tries with everybody; default: tcp/80 tcp/8080 udp/53. */
  readonly services?: string;
  /** How a sender notices that it is denied. Default: silence. */
  readonly denial?: "silent" | "refused";
};

export type Step = { readonly resources: readonly Resource[]; readonly expected: Expectation };

export type Situation = {
  /** A sentence that is true. */
  readonly title: string;
  readonly actors: readonly ActorName[];
  readonly services: readonly Service[];
  readonly denial: "silent" | "refused";
  readonly steps: readonly Step[];
};

const usualActors: readonly ActorName[] = ["web", "api", "bench", "db", "sink", "mon", "out"];
const usualServices = "tcp/80 tcp/8080 udp/53";

/** A situation of one step. */
export function situation(title: string, policies: string, step: Stage & ExpectationText & CastText): Situation {
  return changing(title, step, [{ ...step, policies }]);
}

/** A situation in which something changes while everything runs. */
export function changing(title: string, stage: Stage, steps: readonly StepText[]): Situation {
  const { actors = usualActors, services: text = usualServices, denial = "silent" } = stage;
  const services = readServices(text);
  let policies = "";
  return {
    title,
    actors,
    services,
    denial,
    steps: steps.map((step) => {
      policies = step.policies ?? policies;
      return {
        resources: merge(castResources(step.cast), readManifests(policies)),
        expected: readExpectation(step, actors, services),
      };
    }),
  };
}

function readManifests(text: string): Resource[] {
  return parseAllDocuments(text).flatMap((document) => {
    if (document.errors.length > 0) throw new Error(`${document.errors.join("; ")} in ${text}`);
    const object: unknown = document.toJS();
    return object === null ? [] : [decode(Object(object))];
  });
}
