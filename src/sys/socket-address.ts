import { type IpAddress, addressFromBytes, addressToBytes, addressVersion } from "../lib/index.ts";

export const AF_INET = 2;
export const AF_INET6 = 10;

/** struct sockaddr_in or sockaddr_in6; `linkIndex` says on which link an IPv6 address of link scope is meant. */
export function socketAddress(address: IpAddress, port: number, linkIndex = 0): Uint8Array {
  const isV6 = addressVersion(address) === 6;
  const bytes = new Uint8Array(isV6 ? 28 : 16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, isV6 ? AF_INET6 : AF_INET, true);
  view.setUint16(2, port, false);
  bytes.set(addressToBytes(address), isV6 ? 8 : 4);
  if (isV6) view.setUint32(24, linkIndex, true);
  return bytes;
}

/** Room for either structure, for the kernel to write into. */
export function emptySocketAddress(): Uint8Array {
  return new Uint8Array(28);
}

/** What the kernel has written. `linkIndex`: of a link-local address, else 0. */
export function readSocketAddress(bytes: Uint8Array): {
  readonly address: IpAddress;
  readonly port: number;
  readonly linkIndex: number;
} {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const port = view.getUint16(2, false);
  if (view.getUint16(0, true) === AF_INET) {
    return { address: addressFromBytes(bytes.subarray(4, 8)), port, linkIndex: 0 };
  }
  return { address: addressFromBytes(bytes.subarray(8, 24)), port, linkIndex: view.getUint32(24, true) };
}

/** `10.0.0.1:179`, `[fd00::1]:179` */
export function addressAndPort(address: IpAddress, port: number): string {
  return addressVersion(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}
