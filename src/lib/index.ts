// What every folder may lean on: addresses, prefixes, errors, problems, netlink attributes, small data structures.
// Must not know any protocol, resource or program, and imports nothing of ours.
// Start at address.ts and cidr.ts: their branded text is the key of nearly every map in the project.
export {
  type IpAddress,
  type IpVersion,
  addressBits,
  addressFromBigInt,
  addressFromBytes,
  addressToBigInt,
  addressToBytes,
  addressVersion,
  compareAddresses,
  compareBytes,
  isAddress,
  parseAddress,
} from "./address.ts";
export {
  type Cidr,
  type CidrRules,
  addressToCidr,
  cidrAddress,
  cidrContains,
  cidrFromBytes,
  cidrLength,
  cidrsOverlap,
  cidrVersion,
  compareCidrs,
  isHostCidr,
  makeCidr,
  parseCidr,
} from "./cidr.ts";
export { CoalescingQueue } from "./coalescing-queue.ts";
export { differing } from "./differing.ts";
export { type ErrorCode, type ErrorFields, TortieError, assert, isErrorCode, unreachable } from "./errors.ts";
export { isJsonObject } from "./json-object.ts";
export { formatAge } from "./format-age.ts";
export { formatTable } from "./format-table.ts";
export { type LogFields, type Logger, silentLogger } from "./logger.ts";
export { Histogram, type Metric, type Sample, formatMetrics } from "./metrics.ts";
export {
  type NetlinkAttributes,
  type NetlinkMessage,
  NetlinkWriter,
  readAttributeList,
  readAttributes,
  readMessages,
  readText,
  readU16,
  readU16be,
  readU32,
  readU32be,
  readU64be,
} from "./netlink-attributes.ts";
export { type Problem, type Result, failure, formatProblem, success } from "./problem.ts";
export { type Random, backoffMs, seededRandom } from "./random.ts";
export { TaskGroup } from "./task-group.ts";
