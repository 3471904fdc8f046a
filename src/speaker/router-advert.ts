import { type Result, failure, success } from "../lib/index.ts";

/** Messages by which the nodes of a link find each other: RFC 4861 sections 4.1 and 4.2, RFC 4443 section 4. */
export type LinkMessage =
  | { readonly type: "solicit" }
  | {
      readonly type: "advert";
      /** 0 to 65,535; 0: the sender is no default router. */
      readonly lifetimeSeconds: number;
    }
  | { readonly type: "echoRequest" | "echoReply" /** 0 to 65,535 */; readonly identifier: number };

/** Types of ICMPv6 messages. */
export const icmp6Type = { echoRequest: 128, echoReply: 129, solicit: 133, advert: 134 } as const;

const optionSourceLinkAddress = 1;
const headerBytes = { solicit: 8, advert: 16, echo: 8 };
/** Options are counted in these. */
const optionUnitBytes = 8;

/** Whole but for the checksum, which is the kernel's to fill in. `linkAddress`: the sender's, 6 octets, where the link has such. */
export function encodeLinkMessage(message: LinkMessage, linkAddress?: Uint8Array): Uint8Array {
  switch (message.type) {
    case "solicit":
      return withOption(icmp6Type.solicit, headerBytes.solicit, linkAddress);
    case "advert": {
      // No hop limit, no flags, no times: nothing is said to hosts but that we are here.
      const bytes = withOption(icmp6Type.advert, headerBytes.advert, linkAddress);
      new DataView(bytes.buffer).setUint16(6, message.lifetimeSeconds);
      return bytes;
    }
    case "echoRequest":
    case "echoReply": {
      const bytes = new Uint8Array(headerBytes.echo);
      bytes[0] = icmp6Type[message.type];
      new DataView(bytes.buffer).setUint16(4, message.identifier);
      return bytes;
    }
  }
}

/** Any octets, from the ICMPv6 header on. Sections 6.1.1 and 6.1.2 without what concerns the IP header. */
export function decodeLinkMessage(bytes: Uint8Array): Result<LinkMessage> {
  if (bytes.length < headerBytes.echo) return failure("", `${bytes.length} octets are too few`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint8(1) !== 0) return failure("code", "is not zero");
  switch (view.getUint8(0)) {
    case icmp6Type.echoRequest:
      return success({ type: "echoRequest", identifier: view.getUint16(4) });
    case icmp6Type.echoReply:
      return success({ type: "echoReply", identifier: view.getUint16(4) });
    case icmp6Type.solicit:
      return checkOptions(bytes.subarray(headerBytes.solicit)) ?? success({ type: "solicit" });
    case icmp6Type.advert: {
      if (bytes.length < headerBytes.advert) return failure("", `${bytes.length} octets are too few`);
      const problem = checkOptions(bytes.subarray(headerBytes.advert));
      return problem ?? success({ type: "advert", lifetimeSeconds: view.getUint16(6) });
    }
    default:
      return failure("type", `${view.getUint8(0)} is none of ours`);
  }
}

function withOption(type: number, sizeBytes: number, linkAddress: Uint8Array | undefined): Uint8Array {
  const bytes = new Uint8Array(sizeBytes + (linkAddress === undefined ? 0 : optionUnitBytes));
  bytes[0] = type;
  if (linkAddress !== undefined) {
    bytes[sizeBytes] = optionSourceLinkAddress;
    bytes[sizeBytes + 1] = 1;
    bytes.set(linkAddress.subarray(0, 6), sizeBytes + 2);
  }
  return bytes;
}

/** All options have a length, and end where the message does. */
function checkOptions(bytes: Uint8Array): Result<never> | undefined {
  let at = 0;
  while (at < bytes.length) {
    const units = bytes[at + 1] ?? 0;
    if (units === 0) return failure("options", "one has no length");
    at += units * optionUnitBytes;
  }
  return at === bytes.length ? undefined : failure("options", "the last one is cut off");
}
