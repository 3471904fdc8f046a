import { z } from "zod";
import {
  type Cidr,
  type CidrRules,
  type IpAddress,
  type IpVersion,
  addressBits,
  addressVersion,
  cidrLength,
  cidrVersion,
  makeCidr,
  parseAddress,
  parseCidr,
} from "../lib/index.ts";
import { Complaint, show } from "./complaint.ts";
import { isInterfaceName, readMac } from "./formats.ts";
import { objectName } from "./object-meta.ts";
import { convert, textOf } from "./schema.ts";

const examples: Readonly<Record<IpVersion, { address: string; cidr: string }>> = {
  4: { address: "192.0.2.1", cidr: "192.0.2.0/24" },
  6: { address: "2001:db8::1", cidr: "2001:db8::/64" },
};

/** A plain address, of one version when asked for. */
export function address(version?: IpVersion) {
  return convert(z.string(), (text): IpAddress | Complaint => {
    const read = parseAddress(text);
    if (read !== undefined && (version === undefined || addressVersion(read) === version)) return read;
    const hint = `write it like ${version === undefined ? `${examples[4].address} or ${examples[6].address}` : examples[version].address}`;
    return new Complaint(`${show(text)} is no ${version === undefined ? "IP" : `IPv${version}`} address`, hint);
  });
}

/** A prefix under the given rules: whether a bare address and bits beyond the length are accepted. */
export function cidr(rules: CidrRules) {
  return convert(z.string(), (text): Cidr | Complaint => parseCidr(text, rules) ?? complainOfCidr(text, rules));
}

function complainOfCidr(text: string, rules: CidrRules): Complaint {
  const masked = parseCidr(text, { bare: true, hostBits: true });
  if (masked === undefined) {
    return new Complaint(`${show(text)} is no CIDR`, `write it like ${examples[4].cidr} or ${examples[6].cidr}`);
  }
  if (!text.includes("/") && rules.bare !== true)
    return new Complaint(`${show(text)} lacks a prefix length`, `write ${masked}`);
  return new Complaint(`${show(text)} has bits set beyond its prefix length`, `write ${masked}`);
}

/** An address and the subnet it sits in. */
export type InterfaceAddress = { readonly address: IpAddress; readonly subnet: Cidr };

/** Reads text such as `192.0.2.10/24`; a bare address sits in a subnet of its own. Undefined when it is neither. */
export function readInterfaceAddress(text: string): InterfaceAddress | undefined {
  const subnet = parseCidr(text, { bare: true, hostBits: true });
  const read = parseAddress(text.replace(/\/.*$/s, ""));
  return subnet === undefined || read === undefined ? undefined : { address: read, subnet };
}

/** Text for `readInterfaceAddress`, with a canonical address and always a length. */
export function interfaceAddress(version: IpVersion) {
  return convert(z.string(), (text): string | Complaint => {
    const read = readInterfaceAddress(text);
    if (read !== undefined && cidrVersion(read.subnet) === version) return `${read.address}/${cidrLength(read.subnet)}`;
    const hint = `write it like ${examples[version].address}/${version === 4 ? 24 : 64}`;
    return new Complaint(`${show(text)} is no IPv${version} address with prefix length`, hint);
  });
}

/** A single address as prefix of full length. */
export const hostCidr = convert(z.string(), (text): Cidr | Complaint => {
  const read = readInterfaceAddress(text);
  if (read === undefined)
    return new Complaint(`${show(text)} is no IP address`, "write it like 192.0.2.1/32 or 2001:db8::1/128");
  const bits = addressBits[addressVersion(read.address)];
  const whole = makeCidr(read.address, bits);
  return cidrLength(read.subnet) === bits
    ? whole
    : new Complaint(`${show(text)} is more than one address`, `write ${whole}`);
});

export const mac = convert(z.string(), (text): string | Complaint => {
  return readMac(text) ?? new Complaint(`${show(text)} is no MAC address`, "write it like 02:00:5e:10:00:01");
});

export const interfaceName = textOf(
  isInterfaceName,
  "an interface name",
  "1 to 15 letters, digits, dots, dashes and underscores",
);

/** The name of another object. */
export const reference = textOf(objectName.isValid, "a name", objectName.hint);
