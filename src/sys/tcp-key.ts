import {
  type Cidr,
  TortieError,
  type IpAddress,
  addressToBytes,
  addressVersion,
  cidrAddress,
  cidrLength,
  isHostCidr,
} from "../lib/index.ts";
import { errnoName, systemError } from "./errno.ts";
import { libc } from "./libc.ts";
import { AF_INET, AF_INET6 } from "./socket-address.ts";

const IPPROTO_TCP = 6;
const TCP_MD5SIG = 14;
const TCP_MD5SIG_EXT = 32;
const TCP_MD5SIG_FLAG_PREFIX = 1;
/** struct tcp_md5sig: the address as a sockaddr_storage, then flags, prefix length, key length, interface, key. */
const sizeBytes = 216;
const addressOffset = { 4: 4, 6: 8 } as const;
const flagsOffset = 128;
const keyOffset = 136;
const maxKeyBytes = 80;
const ENOENT = 2;
const EINVAL = 22;
const hints: ReadonlyMap<number, string> = new Map([
  [12, "the kernel allows one socket no more keys: raise net.core.optmem_max, or give many peers one prefix"],
  [92, "this kernel has no TCP MD5 signatures (CONFIG_TCP_MD5SIG)"],
]);

/**
 * From now on segments from and to the addresses of `prefix` are signed with this password (RFC 2385), and others from there
 * are dropped; `undefined` ends that. Of several prefixes the longest counts. On a listening socket it holds for the connections
 * that are made from then on. 1 to 80 octets of UTF-8.
 */
export function setTcpKey(fd: number, prefix: Cidr, password: string | undefined): void {
  const what = `setting the TCP password for ${prefix}`;
  const address = cidrAddress(prefix);
  const key = new TextEncoder().encode(password ?? "");
  if (key.length > maxKeyBytes || (password !== undefined && key.length === 0)) {
    throw systemError(what, EINVAL, { octets: key.length });
  }
  const bytes = new Uint8Array(sizeBytes);
  const view = new DataView(bytes.buffer);
  writeAddress(bytes, address);
  view.setUint16(flagsOffset + 2, key.length, true);
  bytes.set(key, keyOffset);
  if (!isHostCidr(prefix)) {
    bytes[flagsOffset] = TCP_MD5SIG_FLAG_PREFIX;
    bytes[flagsOffset + 1] = cidrLength(prefix);
  }
  const option = isHostCidr(prefix) ? TCP_MD5SIG : TCP_MD5SIG_EXT;
  const result = libc().setsockopt(fd, IPPROTO_TCP, option, bytes, sizeBytes);
  bytes.fill(0);
  key.fill(0);
  if (result === 0) return;
  const errno = libc().errno();
  // Taken away already: what was wanted.
  if (password === undefined && errno === ENOENT) return;
  const hint = hints.get(errno);
  throw new TortieError("TT_KERNEL", `${what}: ${errnoName(errno)}`, {
    fields: { errno: errnoName(errno) },
    ...(hint === undefined ? {} : { hint }),
  });
}

function writeAddress(bytes: Uint8Array, address: IpAddress): void {
  const version = addressVersion(address);
  new DataView(bytes.buffer).setUint16(0, version === 4 ? AF_INET : AF_INET6, true);
  bytes.set(addressToBytes(address), addressOffset[version]);
}
