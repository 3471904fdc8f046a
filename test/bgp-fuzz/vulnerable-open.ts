import { type Vulnerability, externalAs } from "./vulnerability.ts";
import {
  ascii,
  capabilities,
  capability,
  filler,
  keepalive,
  message,
  notification,
  octets,
  open,
  parameter,
  u16,
  u32,
} from "./wire.ts";

const { fourOctetAs, multiprotocol, routeRefresh } = capabilities;
const families = [multiprotocol(1, 1), multiprotocol(2, 1)];

const boundary = "no published case: a boundary that the cases around it come near";

/** An OPEN that is right but for what stands behind the router identifier. */
function openWith(parameters: Uint8Array): Uint8Array {
  return open({ asNumber: externalAs, routerId: "10.1.1.1", parameters });
}

/** A good OPEN with one more capability. */
function openAlso(...more: readonly Uint8Array[]): readonly Uint8Array[] {
  const list = [...families, fourOctetAs(externalAs), routeRefresh, ...more];
  return [open({ asNumber: externalAs, routerId: "10.1.1.1", capabilities: list }), keepalive];
}

/** Of OPEN, CAPABILITY, NOTIFICATION and ROUTE-REFRESH. */
export const openVulnerabilities: readonly Vulnerability[] = [
  {
    id: "CVE-2022-40302",
    title: "an extended parameter length that is cut off",
    harm: "FRR checked for two octets and read three: assertion or read beyond the message",
    rule: "RFC 4271 6.2: an OPEN whose lengths do not fit is refused with 2/0",
    opening: [openWith(octets(255, 255, 0))],
    outcome: { session: "2/0" },
  },
  {
    id: "CVE-2022-40318",
    title: "extended parameters with a parameter whose length is cut off",
    harm: "FRR read the second octet of a length beyond the end of the OPEN",
    rule: "RFC 9072 2 and RFC 4271 6.2: 2/0",
    opening: [openWith(octets(255, 255, u16(2), 2, 0))],
    outcome: { session: "2/0" },
  },
  {
    id: "CVE-2022-43681",
    title: "a parameter type as the last octet",
    harm: "FRR read the length behind the end and restarted",
    rule: "RFC 4271 6.2: 2/0",
    opening: [openWith(octets(1, 2))],
    outcome: { session: "2/0" },
  },
  {
    id: "CVE-2022-36440",
    title: "a capability that is longer than the parameter around it",
    harm: "FRR looked ahead for the AS number capability and ran into an assertion",
    rule: "RFC 4271 6.2: 2/0",
    opening: [
      openWith(
        octets(
          parameter(2, capability(65, u32(externalAs), 200)).length,
          parameter(2, capability(65, u32(externalAs), 200)),
        ),
      ),
    ],
    outcome: { session: "2/0" },
  },
  {
    id: "CVE-2012-0255",
    title: "an AS number capability of three octets",
    harm: "Quagga ended itself by an assertion",
    rule: "RFC 6793 3 gives it four octets; what is not so is refused with 2/0",
    opening: [open({ asNumber: externalAs, routerId: "10.1.1.1", capabilities: [capability(65, "0000fd")] })],
    outcome: { session: "2/0" },
  },
  {
    id: "CVE-2012-1820",
    title: "an ORF capability with a second block that claims too many entries",
    harm: "Quagga read beyond the OPEN, saw it and ended itself",
    rule: "RFC 5492 4: a capability that is not known is passed over whole, by its length",
    opening: openAlso(capability(3, [u16(1), 0, 1, 1, 64, 3, u16(1), 0, 1, 255])),
    outcome: { session: "stays", route: "kept" },
  },
  {
    id: "CVE-2018-5381",
    title: "multiprotocol capabilities of families that nobody knows",
    harm: "Quagga turned in an endless loop",
    rule: "RFC 4760 8: families that are not common to both are not used",
    opening: openAlso(multiprotocol(77, 99), multiprotocol(0, 0), multiprotocol(65535, 255)),
    outcome: { session: "stays", route: "kept" },
  },
  {
    id: "CVE-2023-31489",
    title: "a long-lived graceful restart capability of nine octets",
    harm: "FRR read beyond the capability",
    rule: "RFC 9494 3.1 gives seven octets for each family; what is not so is refused with 2/0",
    opening: openAlso(capability(71, filler(9, 1))).slice(0, 1),
    outcome: { session: "2/0" },
  },
  {
    id: "CVE-2023-41361",
    title: "a software version that claims to be longer than its capability",
    harm: "FRR took the length as it stood",
    rule: "RFC 5492 4: not known, passed over",
    opening: openAlso(capability(75, [200, ascii("x/1")])),
    outcome: { session: "stays", route: "kept" },
  },
  {
    id: "CVE-2025-43971",
    title: "a software version of no length",
    harm: "GoBGP panicked on the length of zero",
    rule: "RFC 5492 4: not known, passed over",
    opening: openAlso(capability(75, [0]), capability(75)),
    outcome: { session: "stays", route: "kept" },
  },
  {
    id: "FQDN capability",
    title: "host and domain names with lengths that lie",
    harm: boundary,
    rule: "RFC 5492 4: not known, passed over",
    opening: openAlso(capability(73, [255, ascii("host")]), capability(73, [4, ascii("host"), 255])),
    outcome: { session: "stays", route: "kept" },
  },
  {
    id: "CVE-2004-0589",
    title: "an OPEN that says it is longer than an OPEN may be",
    harm: "Cisco IOS reloaded on malformed BGP packets when it logged changes of neighbours",
    rule: "RFC 8654 4: an OPEN has at most 4,096 octets; RFC 4271 6.1: 1/2",
    opening: [message(1, [4, u16(externalAs), u16(90), "0a010101", 0], { length: 5000 })],
    outcome: { session: "1/2" },
  },
  {
    id: "CVE-2022-37032",
    title: "a CAPABILITY message that ends in the middle of a capability",
    harm: "FRR read beyond the message",
    rule: "No such message type was agreed on: RFC 4271 6.1, 1/3",
    messages: [message(6, [0, 1, 4, 0])],
    outcome: { session: "1/3" },
  },
  {
    id: "CVE-2024-31949",
    title: "a CAPABILITY message with capabilities of no use",
    harm: "FRR did not move on behind a malformed one and looped for ever",
    rule: "RFC 4271 6.1: 1/3",
    messages: [message(6, [0, 1, 0, 0, 64, 1, 0])],
    outcome: { session: "1/3" },
  },
  {
    id: "FRR issue 22352",
    title: "families switched on and off by CAPABILITY messages",
    harm: "FRR announced and cleared the table each time",
    rule: "RFC 4271 6.1: the first one ends the session with 1/3",
    messages: [message(6, [0, capability(1, [u16(2), 0, 1])]), message(6, [1, capability(1, [u16(2), 0, 1])])],
    outcome: { session: "1/3" },
  },
  {
    id: "CVE-2019-16159",
    title: "a shutdown text longer than any may be",
    harm: "BIRD wrote it over its stack",
    rule: "RFC 9003 2: a text whose length does not fit is for the log only; the session ends without an answer",
    messages: [notification(6, 2, [255, filler(3000, 0x41)])],
    outcome: { session: "ends" },
  },
  {
    id: "RFC 8203 text that is no text",
    title: "a shutdown text of octets that are not UTF-8, with terminal control in it",
    harm: "no published case: what RFC 9003 6 warns of, a peer that writes on the operator's terminal",
    rule: "RFC 9003 4: what cannot be shown is not shown; the session ends without an answer",
    messages: [notification(6, 2, [10, "1b5b324a ff fe c0 80 00 07"])],
    outcome: { session: "ends" },
  },
  {
    id: "CVE-2018-5380",
    title: "a NOTIFICATION with a code that nobody has a name for",
    harm: "Quagga looked for the name behind the end of its table",
    rule: "RFC 4271 4.5: whatever the code, the session ends without an answer",
    messages: [notification(255, 255, filler(50, 0xff))],
    outcome: { session: "ends" },
  },
  {
    id: "CVE-2025-59688",
    title: "a NOTIFICATION before the session is up",
    harm: "BIRD 3 crashed when one came at the wrong moment",
    rule: "RFC 4271 8.2.2: in OpenSent and OpenConfirm it ends the connection",
    opening: [...openAlso().slice(0, 1), notification(6, 7)],
    outcome: { session: "ends" },
  },
  {
    id: "CVE-2010-2948",
    title: "a ROUTE-REFRESH with an ORF record that is longer than the message",
    harm: "Quagga copied it over its stack",
    rule: "ORF was not agreed on: RFC 2918 has nothing behind the four octets, what follows is not looked at",
    messages: [message(5, [u16(1), 0, 1, 1, 64, u16(65535), filler(30, 0xff)])],
    outcome: { session: "stays", route: "kept" },
  },
  {
    id: "CVE-2023-41360",
    title: "a ROUTE-REFRESH with an ORF header cut off after its first octet",
    harm: "FRR read the rest of the header beyond the message",
    rule: "as above",
    messages: [message(5, [u16(1), 0, 1, 1])],
    outcome: { session: "stays", route: "kept" },
  },
  {
    id: "RFC 7313 lengths",
    title: "a ROUTE-REFRESH of three octets",
    harm: boundary,
    rule: "RFC 4271 6.1: below the least length of its type, 1/2",
    messages: [message(5, [u16(1), 0])],
    outcome: { session: "1/2" },
  },
  {
    id: "GoBGP 3.10, OPEN again",
    title: "an OPEN in Established",
    harm: "GoBGP died",
    rule: "RFC 6608: 5/3",
    messages: [open({ asNumber: externalAs, routerId: "10.1.1.1", capabilities: families })],
    outcome: { session: "5/3" },
  },
  {
    id: "GoBGP 3.10, early UPDATE",
    title: "an UPDATE in OpenConfirm",
    harm: "GoBGP died",
    rule: "RFC 6608: 5/2",
    opening: [...openAlso().slice(0, 1), message(2, filler(4))],
    outcome: { session: "5/2" },
  },
];
