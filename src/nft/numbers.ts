/**
 * The numbers of linux/netfilter/nf_tables.h, nfnetlink.h and netlink.h that we use, and nft's own for user data and data types.
 */

/** linux/netlink.h */
export const netlink = {
  error: 2,
  done: 3,
  overrun: 4,
  flagRequest: 0x1,
  flagMulti: 0x2,
  flagAck: 0x4,
  flagDumpInterrupted: 0x10,
  flagDump: 0x300,
  flagExclusive: 0x200,
  flagCreate: 0x400,
  flagAppend: 0x800,
} as const;

const subsystem = 10 << 8;

/** Message types; those of nf_tables carry their subsystem in the upper octet. */
export const messages = {
  batchBegin: 0x10,
  batchEnd: 0x11,
  newTable: subsystem | 0,
  getTable: subsystem | 1,
  deleteTable: subsystem | 2,
  newChain: subsystem | 3,
  getChain: subsystem | 4,
  deleteChain: subsystem | 5,
  newRule: subsystem | 6,
  getRule: subsystem | 7,
  deleteRule: subsystem | 8,
  newSet: subsystem | 9,
  getSet: subsystem | 10,
  deleteSet: subsystem | 11,
  newElements: subsystem | 12,
  getElements: subsystem | 13,
  deleteElements: subsystem | 14,
  newGeneration: subsystem | 15,
  getGeneration: subsystem | 16,
} as const;

export const nftSubsystem = 10;
/** NFNLGRP_NFTABLES: the multicast group of every change. */
export const nftEventGroup = 7;
/** NFPROTO_INET. */
export const inetFamily = 1;

export const attributes = {
  listElement: 1,
  table: { name: 1, flags: 2 },
  chain: { table: 1, name: 3, hook: 4, policy: 5, type: 7, flags: 10 },
  hook: { number: 1, priority: 2 },
  rule: { table: 1, chain: 2, expressions: 4, userData: 7 },
  set: { table: 1, name: 2, flags: 3, keyType: 4, keyLength: 5, dataType: 6, dataLength: 7, id: 10, userData: 13 },
  elements: { table: 1, set: 2, list: 3 },
  element: { key: 1, data: 2, flags: 3, keyEnd: 10 },
  generation: { id: 1 },
  data: { value: 1, verdict: 2 },
  verdict: { code: 1, chain: 2 },
  expression: { name: 1, data: 2 },
  bitwise: { source: 1, target: 2, length: 3, mask: 4, xor: 5, operation: 6 },
  compare: { source: 1, operator: 2, data: 3 },
  counter: { bytes: 1, packets: 2 },
  connection: { target: 1, key: 2, direction: 3, source: 4 },
  fib: { target: 1, result: 2, flags: 3 },
  immediate: { target: 1, data: 2 },
  limit: { rate: 1, unit: 2, burst: 3, type: 4, flags: 5 },
  log: { group: 1, prefix: 2, snapLength: 3, queueThreshold: 4, level: 5, flags: 6 },
  lookup: { set: 1, source: 2, target: 3, flags: 5 },
  masquerade: { flags: 1 },
  meta: { target: 1, key: 2, source: 3 },
  payload: { target: 1, base: 2, offset: 3, length: 4, source: 5 },
  range: { source: 1, operator: 2, from: 3, to: 4 },
  reject: { type: 1, code: 2 },
} as const;

export const setFlags = { anonymous: 0x1, interval: 0x4, map: 0x8 } as const;
export const elementFlags = { intervalEnd: 0x1 } as const;
export const tableFlags = { dormant: 0x1 } as const;
/** NFT_DATA_VERDICT: the data type of a verdict map. */
export const verdictDataType = 0xffffff00;

/** Netfilter's own verdicts and those of nf_tables, as signed numbers. */
export const verdictCodes = { drop: 0, accept: 1, jump: -3, goto: -4, return: -5 } as const;

export const hookNumbers = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;

export const metaKeys = {
  length: 0,
  protocol: 1,
  priority: 2,
  mark: 3,
  inputIndex: 4,
  outputIndex: 5,
  inputName: 6,
  outputName: 7,
  trace: 12,
  family: 15,
  transport: 16,
  packetType: 19,
} as const;

export const connectionKeys = { state: 0, direction: 1, status: 2, mark: 3, id: 23 } as const;

/** Bits of `ct state`, in host order. */
export const connectionStates = { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 } as const;

export const payloadBases = { link: 0, network: 1, transport: 2 } as const;
export const compareOperators = { "==": 0, "!=": 1, "<": 2, "<=": 3, ">": 4, ">=": 5 } as const;
export const rangeOperators = { equal: 0, notEqual: 1 } as const;
export const lookupFlags = { not: 0x1 } as const;
export const limitTypes = { packets: 0, bytes: 1 } as const;
export const limitFlags = { over: 0x1 } as const;
/** NF_NAT_RANGE_PROTO_RANDOM_FULLY */
export const natFlags = { fullyRandom: 0x10 } as const;
export const fibResults = { oif: 1, oifname: 2, type: 3 } as const;
export const fibFlags = { source: 0x1, destination: 0x2, mark: 0x4, input: 0x8, output: 0x10, present: 0x20 } as const;
export const rejectTypes = { icmp: 0, reset: 1, icmpx: 2 } as const;
/** Codes of an ICMP error that fits both families (NFT_REJECT_ICMPX_*). */
export const rejectCodes = { noRoute: 0, portUnreachable: 1, hostUnreachable: 2, adminProhibited: 3 } as const;

/**
 * What a set's key is made of: nft's numbers of data types (the kernel only stores them, nft prints by them), and octets.
 * `isHostOrder` is what nft writes into the set's user data.
 */
export const keyFields = {
  nf_proto: { type: 2, octets: 1, isHostOrder: true },
  ipv4_addr: { type: 7, octets: 4, isHostOrder: false },
  ipv6_addr: { type: 8, octets: 16, isHostOrder: false },
  inet_proto: { type: 12, octets: 1, isHostOrder: false },
  inet_service: { type: 13, octets: 2, isHostOrder: false },
  mark: { type: 19, octets: 4, isHostOrder: true },
  ifname: { type: 41, octets: 16, isHostOrder: true },
} as const;

/** A concatenation's type is its fields' types, six bits each. */
export const keyTypeBits = 6;

/** User data of nft: records of type (one octet), length (one octet), value. */
export const userDataTypes = { ruleComment: 0, setKeyByteOrder: 0 } as const;
export const byteOrders = { host: 1, network: 2 } as const;
