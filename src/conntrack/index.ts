// The ctnetlink language: connections that the kernel keeps track of as values, and the messages to read and end them.
// Must not send anything or decide which connections are to end; any octets decode without a throw.
// Start at flow.ts.
export { type Flow, type FlowTuple, readFlow } from "./flow.ts";
export { type FlowFilter, encodeFlowDeletions, encodeFlowDump, isOfFilter } from "./flow-request.ts";
