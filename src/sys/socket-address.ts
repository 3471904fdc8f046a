import { type IpAddress, addressToBytes, addressVersion } from "../lib/index.ts";

export const AF_INET = 2;
export const AF_INET6 = 10;

/** struct sockaddr_in or sockaddr_in6. */
export function socketAddress(address: IpAddress, port: number): Uint8Array {
  const isV6 = addressVersion(address) === 6;
  const bytes = new Uint8Array(isV6 ? 28 : 16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, isV6 ? AF_INET6 : AF_INET, true);
  view.setUint16(2, port, false);
  bytes.set(addressToBytes(address), isV6 ? 8 : 4);
  return bytes;
}

/** `10.0.0.1:179`, `[fd00::1]:179` */
export function addressAndPort(address: IpAddress, port: number): string {
  return addressVersion(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}
