import { type Vulnerability, again, basics, externalAs, knownPrefix, knownPrefix6 } from "./vulnerability.ts";
import {
  attribute,
  attributes as attr,
  filler,
  flags,
  ip6,
  message,
  octets,
  prefix,
  u16,
  u32,
  update,
} from "./wire.ts";

const transitive = flags.optional | flags.transitive;
const nextHop6 = ip6("2001:db8:ffff::23");
const known = prefix(knownPrefix);

/** Numbers of a long path, all of four octets. */
function longPath(count: number): number[] {
  return Array.from({ length: count }, (_, at) => 4_200_000_000 + at);
}

function repeated(count: number, asNumber: number): number[] {
  return Array.from({ length: count }, () => asNumber);
}

/** A route with an attribute that we do not know, which is passed on as it is but for the Partial bit. */
function stranger(type: number, value: Uint8Array): Pick<Vulnerability, "messages" | "outcome"> {
  return {
    messages: [again(attribute(transitive, type, value))],
    outcome: { session: "stays", route: "kept", passedOn: attribute(transitive | flags.partial, type, value) },
  };
}

/** Routes of a family that was not agreed on are passed over; the known route comes again in the same message. */
function foreignFamily(
  afi: number,
  safi: number,
  nextHop: Uint8Array,
  nlri: Uint8Array,
): Pick<Vulnerability, "messages" | "outcome"> {
  return {
    messages: [again(attr.mpReach(afi, safi, nextHop, nlri)), again(attr.mpUnreach(afi, safi, nlri))],
    outcome: { session: "stays", route: "kept", notPassedOn: 14 },
  };
}

const boundary = "no published case: a boundary that the cases around it come near";
const withdraw = { session: "stays", route: "gone" } as const;
const unknownRule =
  "RFC 4271 5: not recognised, so its content is nobody's business here; passed on with the Partial bit";
const familyRule = "RFC 4760 6 and RFC 7606 5.3: a family that was not agreed on is passed over, whatever stands in it";

/** Of UPDATE. */
export const updateVulnerabilities: readonly Vulnerability[] = [
  {
    id: "CVE-2023-4481",
    title: "an entropy label capability (28) in a route from far away",
    harm: "Juniper reset the session with whoever passed it on, at two ends of the world",
    rule: unknownRule,
    ...stranger(28, octets("00")),
  },
  {
    id: "CVE-2023-38802",
    title: "a tunnel encapsulation (23) whose tunnel is longer than the attribute",
    harm: "FRR reset the session, ExtremeXOS too (CVE-2023-40457)",
    rule: unknownRule,
    ...stranger(23, octets(u16(8), u16(64), 1, 2)),
  },
  {
    id: "CVE-2024-44070",
    title: "a tunnel encapsulation with a sub-TLV that runs over its end",
    harm: "FRR read beyond what was left",
    rule: unknownRule,
    ...stranger(23, octets(u16(1), u16(4), 6, 250, 0, 0)),
  },
  {
    id: "CVE-2023-31490",
    title: "a prefix SID (40) whose sub-TLV is cut off",
    harm: "FRR ended itself by an assertion",
    rule: unknownRule,
    ...stranger(40, octets(5, u16(8), 0, 1, u16(255), 0)),
  },
  {
    id: "CVE-2024-31948, FRR issue 19336",
    title: "a prefix SID of one octet",
    harm: "FRR crashed; a later one flapped both route reflectors of a network",
    rule: unknownRule,
    ...stranger(40, octets(1)),
  },
  {
    id: "20 May 2025",
    title: "a prefix SID of zeros only",
    harm: "JunOS passed it on, Arista EOS reset the session with whoever did",
    rule: unknownRule,
    ...stranger(40, filler(10)),
  },
  {
    id: "CVE-2010-1675",
    title: "an AS_PATHLIMIT (21) of the wrong length",
    harm: "Quagga reset the session",
    rule: `${unknownRule} (RFC 8093: deprecated)`,
    ...stranger(21, octets(1, 2)),
  },
  {
    id: "CVE-2019-5892",
    title: "the attribute 255",
    harm: "FRR took it for one of its own, found it malformed and reset the session",
    rule: unknownRule,
    ...stranger(255, filler(33, 0xdd)),
  },
  {
    id: "CVE-2009-2055, CVE-2010-3035",
    title: "an attribute (99) of 3,000 octets",
    harm: "Cisco IOS XR wrote it wrongly when it passed it on; 1 % of the Internet went away for half an hour",
    rule: unknownRule,
    ...stranger(99, filler(3000, 0x63)),
  },
  {
    id: "October 2025, BIRD 2.0.8 and older",
    title: "an only-to-customer attribute (35)",
    harm: "BIRD passed on an AS path length of 1,024, and the next one reset the session",
    rule: unknownRule,
    ...stranger(35, u32(65001)),
  },
  {
    id: "CVE-2023-41359",
    title: "an AIGP (26) whose TLV is longer than the attribute",
    harm: "FRR read beyond it",
    rule: "RFC 7311 3: optional and not transitive, so that who does not know it drops it",
    messages: [again(attribute(flags.optional, 26, [1, u16(11), 0, 0]))],
    outcome: { session: "stays", route: "kept", notPassedOn: 26 },
  },
  {
    id: "CVE-2010-2949",
    title: "an AS path segment of an unknown type",
    harm: "Quagga followed a null pointer",
    rule: "RFC 7606 7.2: treat as withdraw",
    messages: [
      update({
        attributes: [attr.origin(0), attribute(0x40, 2, [9, 1, u32(externalAs)]), attr.nextHop("192.0.2.23")],
        nlri: known,
      }),
    ],
    outcome: withdraw,
  },
  {
    id: "AS path segments without members",
    title: "an AS path segment of no AS numbers",
    harm: boundary,
    rule: "RFC 7606 7.2: a segment length of zero is malformed, treat as withdraw",
    messages: [
      update({
        attributes: [attr.origin(0), attribute(0x40, 2, [2, 1, u32(externalAs), 2, 0]), attr.nextHop("192.0.2.23")],
        nlri: known,
      }),
    ],
    outcome: withdraw,
  },
  {
    id: "CVE-2009-1572",
    title: "AS numbers as long as they can be",
    harm: "Quagga reckoned with five digits each and ended itself by an assertion",
    rule: "RFC 6793: valid",
    messages: [
      update({
        attributes: [
          attr.origin(0),
          attr.asPath(["sequence", externalAs, ...repeated(200, 4_294_967_294)]),
          attr.nextHop("192.0.2.23"),
        ],
        nlri: known,
      }),
    ],
    outcome: { session: "stays", route: "kept" },
  },
  {
    id: "16 February 2009, AS 47868",
    title: "a path of 255 AS numbers in one segment",
    harm: "Cisco IOS added itself to a full segment and wrote a path that its peers reset the session for",
    rule: "RFC 4271 5.1.2: a full segment is not added to, a new one is put before it",
    messages: [
      update({
        attributes: [
          attr.origin(0),
          attr.asPath(["sequence", externalAs, ...longPath(254)]),
          attr.nextHop("192.0.2.23"),
        ],
        nlri: known,
      }),
    ],
    outcome: { session: "stays", route: "kept" },
  },
  {
    id: "CVE-2017-16227",
    title: "a path of several segments, more than 255 AS numbers in all",
    harm: "Quagga counted octets twice and passed on a message that was none",
    rule: "valid",
    messages: [
      update({
        attributes: [
          attr.origin(0),
          attr.asPath(["sequence", externalAs, ...longPath(254)], ["sequence", ...longPath(200)], ["set", 1, 2, 3]),
          attr.nextHop("192.0.2.23"),
        ],
        nlri: known,
      }),
    ],
    outcome: { session: "stays", route: "kept" },
  },
  {
    id: "CVE-2009-1168",
    title: "a path of 1,000 AS numbers of four octets, in a message of nearly 4,096",
    harm: "Cisco IOS crashed",
    rule: "valid; where it no longer fits into a message with what is added to it, that peer is not told the route",
    messages: [
      update({
        attributes: [
          attr.origin(0),
          attr.asPath(
            ["sequence", externalAs, ...longPath(254)],
            ["sequence", ...longPath(255)],
            ["sequence", ...longPath(255)],
            ["sequence", ...longPath(245)],
          ),
          attr.nextHop("192.0.2.23"),
        ],
        nlri: known,
      }),
    ],
    outcome: { session: "stays", route: "kept" },
  },
  {
    id: "CVE-2023-44186",
    title: "a long path of four-octet AS numbers, to be told to a peer that knows two octets only",
    harm: "Juniper's routing daemon ended when the path was written twice, narrow and wide",
    rule: "RFC 6793 4.2.2: AS4_PATH beside AS_PATH; where both do not fit, the peer is not told",
    peer: "narrow",
    messages: [
      update({
        attributes: [
          attr.origin(0),
          attr.narrowAsPath(["sequence", 65002, ...repeated(254, 23456)], ["sequence", ...repeated(200, 23456)]),
          attr.nextHop("192.0.2.24"),
          attr.as4Path(["sequence", ...longPath(254)], ["sequence", ...longPath(200)]),
        ],
        nlri: known,
      }),
    ],
    outcome: { session: "stays", route: "kept" },
  },
  {
    id: "CVE-2026-49943",
    title: "a path of 3,000 AS numbers in an extended message",
    harm: "BIRD wrote them over its stack when a filter looked at the path",
    rule: "RFC 8654: valid; peers that take 4,096 octets are not told",
    messages: [
      update({
        attributes: [
          attr.origin(0),
          attr.asPath(
            ["sequence", externalAs, ...longPath(254)],
            ...Array.from({ length: 11 }, () => ["sequence", ...longPath(250)] as const),
          ),
          attr.nextHop("192.0.2.23"),
        ],
        nlri: known,
      }),
    ],
    outcome: { session: "stays", route: "kept", notPassedOn: 2 },
  },
  {
    id: "CVE-2025-20115",
    title: "a confederation sequence of 255 members",
    harm: "Cisco IOS XR corrupted its memory",
    rule: "RFC 5065: the segment is well formed; it is never told to an external peer",
    peer: "internal",
    messages: [
      update({
        attributes: [
          attr.origin(0),
          attr.asPath(["confedSequence", ...longPath(255)]),
          attr.nextHop("192.0.2.21"),
          attr.localPref(100),
        ],
        nlri: known,
      }),
    ],
    outcome: { session: "stays" },
  },
  {
    id: "CVE-2010-1674",
    title: "extended communities of no length",
    harm: "Quagga followed a null pointer",
    rule: "RFC 7606 7.14: treat as withdraw",
    messages: [again(attribute(transitive, 16, []))],
    outcome: withdraw,
  },
  {
    id: "CVE-2011-3327",
    title: "extended communities of twelve octets",
    harm: "Quagga wrote beyond a buffer when it made text of them",
    rule: "RFC 7606 7.14: no multiple of eight, treat as withdraw",
    messages: [again(attribute(transitive, 16, filler(12, 0x80)))],
    outcome: withdraw,
  },
  {
    id: "CVE-2007-4826",
    title: "communities of three octets",
    harm: "Quagga crashed when it wrote the log",
    rule: "RFC 7606 7.8: treat as withdraw",
    messages: [again(attribute(transitive, 8, "fde801"))],
    outcome: withdraw,
  },
  {
    id: "CVE-2018-5379",
    title: "cluster lists and unknown attributes twice in one message",
    harm: "Quagga freed memory twice",
    rule: "RFC 7606 3 (g): of a repeated attribute the first counts",
    peer: "internal",
    messages: [
      update({
        attributes: [
          attr.origin(0),
          attr.asPath(),
          attr.nextHop("192.0.2.21"),
          attr.localPref(100),
          attr.clusterList("10.0.0.7"),
          attr.clusterList("10.0.0.8"),
          attribute(transitive, 200, "01"),
          attribute(transitive, 200, "02"),
        ],
        nlri: known,
      }),
    ],
    outcome: { session: "stays", route: "kept", passedOn: attribute(transitive | flags.partial, 200, "01") },
  },
  {
    id: "CVE-2018-5378",
    title: "a well-known attribute that nobody knows, in its longest form",
    harm: "Quagga put octets behind the message into its NOTIFICATION",
    rule: "RFC 4271 6.3: 3/2 with the attribute as data, and nothing else",
    messages: [again(attribute(0x40, 77, filler(40, 7)))],
    outcome: { session: "3/2" },
  },
  {
    id: "CVE-2026-30405",
    title: "a NEXT_HOP of three octets",
    harm: "GoBGP panicked",
    rule: "RFC 7606 7.3: treat as withdraw",
    messages: [
      update({
        attributes: [attr.origin(0), attr.asPath(["sequence", externalAs]), attribute(0x40, 3, "c00002")],
        nlri: known,
      }),
    ],
    outcome: withdraw,
  },
  {
    id: "CVE-2026-37462",
    title: "lengths of withdrawn routes and attributes that together exceed the message",
    harm: "GoBGP subtracted one from the other and got a very large number",
    rule: "RFC 4271 6.3: 3/1",
    messages: [update({ attributes: basics(), nlri: known }, { attributesLength: 4000 })],
    outcome: { session: "3/1" },
  },
  {
    id: "CVE-2023-38283",
    title: "a last attribute that is longer than the attributes",
    harm: "OpenBGPD reset the session for what came from far away",
    rule: "RFC 7606 4: treat as withdraw, since the total length still tells where the prefixes begin",
    messages: [update({ attributes: [basics(), attribute(transitive, 8, u32(7), 200)], nlri: known })],
    outcome: withdraw,
  },
  {
    id: "FRR before 8.5, too little left",
    title: "two octets left where an attribute should begin",
    harm: "FRR reset the session",
    rule: "RFC 7606 4, second case: treat as withdraw",
    messages: [update({ attributes: [basics(), "c008"], nlri: known })],
    outcome: withdraw,
  },
  {
    id: "RFC 7606 4, extended length",
    title: "an extended length with one octet of it, at the end of the message",
    harm: boundary,
    rule: "RFC 7606 4: treat as withdraw",
    messages: [update({ attributes: [basics(), "d06300"], nlri: known })],
    outcome: withdraw,
  },
  {
    id: "CVE-2023-41358",
    title: "prefixes without any attribute",
    harm: "FRR followed a null pointer",
    rule: "RFC 7606 3 (d): mandatory attributes are missing, treat as withdraw",
    messages: [update({ nlri: known })],
    outcome: withdraw,
  },
  {
    id: "CVE-2023-46753",
    title: "prefixes with an unknown attribute only",
    harm: "FRR thought that attributes were there and crashed",
    rule: "RFC 7606 3 (d): treat as withdraw",
    messages: [update({ attributes: attribute(transitive, 31, filler(16, 1)), nlri: known })],
    outcome: withdraw,
  },
  {
    id: "CVE-2023-47234",
    title: "an MP_UNREACH_NLRI beside prefixes that lack their attributes",
    harm: "FRR took it for a pure withdrawal and crashed on the prefixes",
    rule: "RFC 7606 3 (d): treat as withdraw",
    messages: [update({ attributes: attr.mpUnreach(2, 1, prefix(knownPrefix6)), nlri: known })],
    outcome: withdraw,
  },
  {
    id: "CVE-2023-47235",
    title: "an End-of-RIB with a malformed attribute beside it",
    harm: "FRR did not withdraw, and crashed",
    rule: "RFC 7606 5.2: there is no route on which the error could fall, so the session ends",
    messages: [update({ attributes: [attr.mpUnreach(2, 1, []), attribute(0x40, 1, "09")] })],
    outcome: { session: "3/1" },
  },
  {
    id: "CVE-2007-1995",
    title: "an MP_REACH_NLRI and an MP_UNREACH_NLRI that end within the family",
    harm: "Quagga read on behind them",
    rule: "RFC 7606 7.11: 3/9",
    messages: [again(attribute(flags.optional, 14, [u16(2)]))],
    outcome: { session: "3/9" },
  },
  {
    id: "CVE-2023-46752",
    title: "an MP_REACH_NLRI whose prefix is longer than it",
    harm: "FRR crashed",
    rule: "RFC 7606 5.3: the prefixes cannot be told apart, the session ends with 3/9",
    messages: [update({ attributes: [basics(), attr.mpReach(2, 1, nextHop6, [64, "fd00"])] })],
    outcome: { session: "3/9" },
  },
  {
    id: "CVE-2018-16230",
    title: "an IPv6 next hop of 33 octets",
    harm: "tcpdump trusted the length of the next hop and read beyond it",
    rule: "RFC 7606 7.11: a length that is none of the expected ones, 3/9",
    messages: [update({ attributes: [basics(), attr.mpReach(2, 1, filler(33, 1), prefix(knownPrefix6))] })],
    outcome: { session: "3/9" },
  },
  {
    id: "MP_REACH_NLRI twice",
    title: "two MP_REACH_NLRI in one message",
    harm: boundary,
    rule: "RFC 7606 3 (g): 3/1",
    messages: [
      update({
        attributes: [
          basics(),
          attr.mpReach(2, 1, nextHop6, prefix(knownPrefix6)),
          attr.mpReach(2, 1, nextHop6, prefix("fd00:10::/64")),
        ],
      }),
    ],
    outcome: { session: "3/1" },
  },
  {
    id: "CVE-2023-38406",
    title: "a flow specification of no length",
    harm: "FRR wrote beyond a buffer",
    rule: familyRule,
    ...foreignFamily(1, 133, octets(), octets(0)),
  },
  {
    id: "CVE-2023-41909",
    title: "a flow specification without attributes",
    harm: "FRR followed a null pointer",
    rule: "RFC 7606 3 (d): nothing that we use is announced, so nothing is missing",
    messages: [update({ attributes: attr.mpReach(1, 133, [], "0501180a0900") }), again()],
    outcome: { session: "stays", route: "kept" },
  },
  {
    id: "CVE-2025-43972",
    title: "a flow specification that ends in its first component",
    harm: "GoBGP panicked",
    rule: familyRule,
    ...foreignFamily(2, 133, octets(), octets("02 01")),
  },
  {
    id: "CVE-2023-38407",
    title: "a labelled prefix whose labels have no end",
    harm: "FRR read beyond the attribute",
    rule: familyRule,
    ...foreignFamily(1, 4, octets("c0000217"), octets(96, filler(12, 0))),
  },
  {
    id: "CVE-2016-2342",
    title: "a VPN prefix longer than an address",
    harm: "Quagga copied it over its stack",
    rule: familyRule,
    ...foreignFamily(1, 128, filler(12, 1), octets(255, filler(32, 0x41))),
  },
  {
    id: "BGP-LS, RFC 9552",
    title: "a link-state NLRI whose length lies, and its attribute (29)",
    harm: boundary,
    rule: familyRule,
    messages: [
      again(
        attr.mpReach(16388, 71, "c0000217", [u16(1), u16(65535), filler(8)]),
        attribute(flags.optional, 29, [u16(1024), u16(500)]),
      ),
    ],
    outcome: { session: "stays", route: "kept", notPassedOn: 29 },
  },
  {
    id: "EVPN, RFC 7432",
    title: "an EVPN route of type 2 without content",
    harm: boundary,
    rule: familyRule,
    ...foreignFamily(25, 70, octets("c0000217"), octets(2, 0)),
  },
  {
    id: "withdrawn routes of 255 bits",
    title: "a withdrawn prefix that is longer than IPv4 allows",
    harm: boundary,
    rule: "RFC 7606 5.3: the prefixes cannot be told apart, 3/10",
    messages: [update({ withdrawn: octets(255, filler(32, 1)) })],
    outcome: { session: "3/10" },
  },
  {
    id: "a message of 65,535 octets",
    title: "the largest length there is on a session without extended messages",
    harm: boundary,
    rule: "RFC 8654 4: 1/2, as soon as the header is there",
    messages: [message(2, filler(4), { length: 65_535, marker: filler(16, 0xfe) })],
    outcome: { session: "1/1" },
  },
];
