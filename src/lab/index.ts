// Networks out of namespaces: hosts, fabric and workloads of one file, with the real server and real agents in them.
// Must not touch the machine's own network, need root, or leave anything behind; nothing of the product relies on it.
// Start at plan-lab.ts (what a lab consists of), then lab-builder.ts (how it is made), launch-keeper.ts (where it lives).
export { type LabReport, labStatus } from "./ask-status.ts";
export { labDown, type LabDownOptions } from "./lab-down.ts";
export { enterLab, labExec, type LabCommand, type LabExecOptions } from "./lab-exec.ts";
export { labLogs, type LabLogsOptions } from "./lab-logs.ts";
export type { LabStatus } from "./lab-status.ts";
export { labUp, type LabUpOptions } from "./lab-up.ts";
export { type RunKeeperOptions, type RunSpineOptions, runKeeper, runSpine } from "./run-inside.ts";
