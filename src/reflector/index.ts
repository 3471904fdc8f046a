// A route reflector: the BGP speaker alone, set up by flags, by a file or by the cluster's resources.
// Must not hold a rule of BGP, nor load what the chosen way to set it up does not need.
// Start at run-reflector.ts; settings.ts says what can be set.
export { apiSource, fileSource, flagSource } from "./sources.ts";
export { parseListen } from "./listen.ts";
export { type ReflectorSource, type RunReflectorOptions, runReflector } from "./run-reflector.ts";
export { type ReflectorSettings, type SessionSettings, defaults, readPassword } from "./settings.ts";
