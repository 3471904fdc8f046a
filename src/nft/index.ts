// nftables as values: a table, its chains, rules, sets, the difference of two tables, and nfnetlink's octets for both ways.
// Must not know policy or workloads, and sends nothing: kernel/nft-socket.ts does.
// Start at table.ts and expression.ts, then matches.ts (builders) and diff-tables.ts.
export {
  counter,
  clearMark,
  limit,
  log,
  masquerade,
  notrack,
  reject,
  setMark,
  type VerdictWanted,
  verdict,
  verdictMap,
} from "./actions.ts";
export { type NftChange, type SetShape, describeChange } from "./change.ts";
export { assembleTable } from "./assemble-table.ts";
export { type NftAnswer, decodeAnswer, isDumpInterrupted } from "./decode-answer.ts";
export { type NftObject, decodeMessage, tableOfEvent } from "./decode-message.ts";
export { diffElements } from "./diff-elements.ts";
export { diffTables } from "./diff-tables.ts";
export { type EncodeOptions, type NftBatch, encodeChanges } from "./encode-changes.ts";
export type { Expression, Hex, Verdict } from "./expression.ts";
export { interfaceKey, interfaceOfKey } from "./hex.ts";
export { LivingNets } from "./living-nets.ts";
export { LivingSet } from "./living-set.ts";
export { makeRule } from "./make-rule.ts";
export {
  type ConnectionState,
  type Direction,
  type Negatable,
  address,
  addressIn,
  addressPortIn,
  ctState,
  family,
  icmp,
  ifname,
  port,
  portIn,
  protocol,
  reversePath,
  sourceOfInterfaceIn,
  testMark,
  unprivilegedSourcePort,
} from "./matches.ts";
export { nftEventGroup } from "./numbers.ts";
export type { Outcome, Packet } from "./packet.ts";
export { type NftRequest, encodeRequest } from "./requests.ts";
export { TableRunner, runTable } from "./run-table.ts";
export {
  type AddressPort,
  type PortRange,
  addressElement,
  addressPortElement,
  addressPortSet,
  addressPortShape,
  addressSet,
  addressShape,
  interfaceAddressElement,
  interfaceAddressShape,
  interfaceMap,
  netElements,
  netSet,
  portSet,
} from "./sets.ts";
export type { Chain, ChainHook, ChainType, HookName, KeyField, NftSet, Rule, SetElement, Table } from "./table.ts";
