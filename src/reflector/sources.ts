import type { Logger } from "../lib/index.ts";
import type { FollowApiOptions } from "./follow-api.ts";
import type { ReflectorSource } from "./run-reflector.ts";
import { type ReflectorSettings, speakerConfig } from "./settings.ts";

/** Settings that never change. */
export function flagSource(settings: ReflectorSettings): ReflectorSource {
  return async function* once() {
    yield speakerConfig(settings);
  };
}

/** What a file says; the libraries that read it are loaded by then only. */
export function fileSource(path: string, log: Logger): ReflectorSource {
  return async function* follow(signal) {
    const { followFile } = await import("./follow-file.ts");
    yield* followFile(path, log, signal);
  };
}

/** What the cluster's resources say; likewise. */
export function apiSource(options: FollowApiOptions): ReflectorSource {
  return async function* follow(signal) {
    const { followApi } = await import("./follow-api.ts");
    yield* followApi(options, signal);
  };
}
