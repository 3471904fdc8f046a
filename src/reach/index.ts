// Questions about what a cluster's resources mean for packets, answered by the code that programs hosts.
// Must not judge by rules of its own: calc and dataplane make the table, nft runs it.
// Start at policy-model.ts.
export { PolicyModel } from "./policy-model.ts";
export { type Probe, readProbe } from "./probe.ts";
export { readModel } from "./read-model.ts";
