import type { NetlinkHandle } from "../../src/sys/index.ts";

/** No connection is known any more in the namespace of this netfilter socket. */
export function forgetConnections(netfilter: NetlinkHandle): void {
  // IPCTNL_MSG_CT_DELETE without a tuple deletes all.
  const message = new Uint8Array(20);
  const view = new DataView(message.buffer);
  view.setUint32(0, message.length, true);
  view.setUint16(4, (1 << 8) | 2, true);
  view.setUint16(6, 0x5, true);
  netfilter.send(message);
  while (netfilter.receiveNow() !== undefined);
}
