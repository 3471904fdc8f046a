// The agent of one host: resources in, kernel programmed, BGP spoken, workloads attached.
// Must not hold a rule of routing or policy: it wires calc, dataplane, kernel and speaker, and orders what they do.
// Start at run-agent.ts, which draws the wiring; host-loop.ts is the heart.
export type { AttachRequest, AttachResponse } from "./attach-request.ts";
export { type RunAgentOptions, runAgent } from "./run-agent.ts";
export type { AgentRoutes, AgentStatus } from "./status.ts";
