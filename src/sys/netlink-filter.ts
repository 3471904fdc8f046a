import { checkCall } from "./errno.ts";
import { libc } from "./libc.ts";
import { SOL_SOCKET } from "./socket-options.ts";

const SO_ATTACH_FILTER = 26;
/** linux/bpf_common.h: load a half word or a word of the packet, jump if equal, return a constant. */
const loadHalf = 0x28;
const loadWord = 0x20;
const jumpIfEqual = 0x15;
const give = 0x06;
const everything = 0xffffffff;
/** Offsets in struct nlmsghdr. */
const typeOffset = 4;
const portOffset = 12;
const instructionBytes = 8;

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number];

/**
 * A classic BPF program on a netlink socket: it takes what others than the socket `toPortId` have caused, and messages of
 * `butTypes` in any case. It loads numbers in network order, while netlink's are in host order.
 */
export function hearOnly(
  fd: number,
  { toPortId, butTypes }: { readonly toPortId: number; readonly butTypes: readonly number[] },
): void {
  const program: Instruction[] = [
    [loadHalf, 0, 0, typeOffset],
    ...butTypes.map((type, at): Instruction => [jumpIfEqual, butTypes.length - at + 1, 0, swap(type, 2)]),
    [loadWord, 0, 0, portOffset],
    [jumpIfEqual, 1, 0, swap(toPortId, 4)],
    [give, 0, 0, everything],
    [give, 0, 0, 0],
  ];
  const code = new Uint8Array(program.length * instructionBytes);
  const view = new DataView(code.buffer);
  for (const [at, [operation, ifTrue, ifFalse, value]] of program.entries()) {
    view.setUint16(at * instructionBytes, operation, true);
    view.setUint8(at * instructionBytes + 2, ifTrue);
    view.setUint8(at * instructionBytes + 3, ifFalse);
    view.setUint32(at * instructionBytes + 4, value, true);
  }
  // struct sock_fprog: the number of instructions, and where they are.
  const where = new Uint8Array(16);
  new DataView(where.buffer).setUint16(0, program.length, true);
  new DataView(where.buffer).setBigUint64(8, libc().addressOf(code), true);
  const result = libc().setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, where, where.length);
  checkCall(result, "filtering a netlink socket", { instructions: code.length / instructionBytes });
}

function swap(value: number, octets: 2 | 4): number {
  const view = new DataView(new ArrayBuffer(4));
  if (octets === 2) {
    view.setUint16(0, value, true);
    return view.getUint16(0, false);
  }
  view.setUint32(0, value, true);
  return view.getUint32(0, false);
}
