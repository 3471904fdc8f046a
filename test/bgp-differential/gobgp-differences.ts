import type { DifferenceClass } from "./differences.ts";
import {
  hasAttribute,
  hasForeignAttribute,
  hasNobodysNextHop,
  hasOddPartial,
  hasStrangeFamily,
  isBothWays,
  isEndedByThem,
  isEndedByUs,
  isLost,
  isOldNews,
  isOtherWord,
  isRoute,
  isUntransitiveShown,
} from "./symptoms.ts";

/** Attributes that GoBGP reads and we do not. */
const ownAttributes = [22, 23, 25, 26, 29, 40];
const wellKnown = new Set([1, 2, 3, 5, 6]);

function gobgp(description: Omit<DifferenceClass, "speaker">): DifferenceClass {
  return { speaker: "gobgp", ...description };
}

const sessionClasses: readonly DifferenceClass[] = [
  gobgp({
    sent: "prefixes that cannot be read, or several errors at once",
    does: "Ends the session, mostly with Malformed Attribute List (3/1).",
    right: "tortie",
    why: "Prefixes have a word of their own: 3/10 in RFC 4271 section 6.3, 3/9 for the multiprotocol attributes in RFC 4760 section 7. Which of several errors is named is left open.",
    matches: isOtherWord,
  }),
  gobgp({
    sent: "prefixes that cannot be read, a well-known attribute that nobody knows, or a malformed attribute and no route",
    does: "Drops the message and goes on.",
    right: "tortie",
    why: "RFC 7606 sections 3 (j), 5.2 and 5.3 and RFC 4271 section 6.3 (3/2) end the session: nobody can say which routes are meant.",
    matches: (context) => isEndedByUs(context),
  }),
  gobgp({
    sent: "one of the lower four bits of an attribute's flags",
    does: "Drops the message, or ends the session.",
    right: "tortie",
    why: "RFC 4271 section 4.3: the bits are ignored.",
    matches: (context) =>
      context.anatomy.attributes.some(({ flags }) => (flags & 0x0f) !== 0) &&
      (isEndedByThem(context) || (context.one.verdict.result !== "withdraw" && isLost(context))),
  }),
  gobgp({
    sent: "an attribute with a meaning to GoBGP and none to tortie",
    does: "Shows it in another form. When it is malformed by that meaning: drops the message, ends the session, or shows the route bare of attributes.",
    right: "both",
    why: "The RFCs of these attributes (6514, 9012, 5701, 7311, 9552, 8669) speak to those who know them. To others they are unknown (RFC 4271 section 5).",
    matches: (context) =>
      hasAttribute(context, ownAttributes) &&
      (isEndedByThem(context) ||
        isLost(context) ||
        context.difference.about === "unknown" ||
        context.difference.theirs === ""),
  }),
  gobgp({
    sent: "an attribute that runs over the end",
    does: "Ends the session, or loses its place and withdraws other routes.",
    right: "tortie",
    why: "RFC 7606 section 4: the routes are withdrawn, and the length of all attributes says where the prefixes begin.",
    matches: (context) => context.anatomy.isCut && (isEndedByThem(context) || isRoute(context, "absent")),
  }),
  gobgp({
    sent: "a well-known attribute with wrong Optional or Transitive bits",
    does: "Ends the session now and then; mostly it drops the message.",
    right: "tortie",
    why: "RFC 7606 section 3 (c): the routes are withdrawn.",
    matches: (context) =>
      isEndedByThem(context) &&
      context.anatomy.attributes.some(({ type, flags }) => wellKnown.has(type) && (flags & 0xc0) !== 0x40),
  }),
];

const routeClasses: readonly DifferenceClass[] = [
  gobgp({
    sent: "a malformed attribute",
    does: "Drops the message and keeps the routes as they were.",
    right: "tortie",
    why: "RFC 7606 section 2: they are withdrawn, since the peer believes that it replaced them.",
    matches: (context) => context.one.verdict.result === "withdraw" && isOldNews(context),
  }),
  gobgp({
    sent: "a prefix both withdrawn and announced",
    does: "Withdraws it.",
    right: "tortie",
    why: "RFC 4271 section 4.3: as if it were not among the withdrawn ones.",
    matches: (context) => isBothWays(context) && isRoute(context, "absent"),
  }),
  gobgp({
    sent: "a family that nobody knows",
    does: "Drops the whole message, or ends the session with 0/0 when it knows the family but was not told that it is spoken.",
    right: "tortie",
    why: "RFC 4760 names no error for a family that one end does not speak; its routes are passed over, and the others of the message count.",
    matches: (context) => hasStrangeFamily(context) && (isEndedByThem(context) || isOldNews(context)),
  }),
  gobgp({
    sent: "EXTENDED COMMUNITIES of types that GoBGP cannot read",
    does: "Withdraws the routes.",
    right: "tortie",
    why: "RFC 7606 section 7.14: only the length of the attribute can make it malformed.",
    matches: (context) => hasAttribute(context, [16]) && isRoute(context, "absent"),
  }),
  gobgp({
    sent: "an unknown attribute that is optional and not transitive",
    does: "Keeps it in its table and does not pass it on.",
    right: "both",
    why: "RFC 4271 section 5 has it ignored and not passed on; tortie forgets it at once.",
    matches: isUntransitiveShown,
  }),
  gobgp({
    sent: "an attribute that is not this peer's to send",
    does: "Keeps ORIGINATOR_ID of an external peer; drops the message when the attribute is malformed.",
    right: "tortie",
    why: "RFC 7606 sections 7.5, 7.9 and 7.10 and RFC 6793 section 6 discard it, whatever is in it.",
    matches: (context) =>
      hasForeignAttribute(context) && (context.difference.about === "originatorId" || isLost(context)),
  }),
  gobgp({
    sent: "AS4_PATH beside an AS_PATH of several segments, or malformed",
    does: "Joins the two wrongly, leaves the path without its attributes when AS4_PATH comes first, or drops the message.",
    right: "tortie",
    why: "RFC 6793 section 4.2.3 says how they are joined, section 6 that a malformed AS4_PATH is discarded.",
    matches: (context) =>
      hasAttribute(context, [17]) &&
      (context.difference.about === "asPath" || context.difference.theirs === "" || isLost(context)),
  }),
  gobgp({
    sent: "an AS_PATH of two-octet numbers",
    does: "Guesses the width from the octets and takes some for four-octet numbers.",
    right: "tortie",
    why: "RFC 6793 section 4.1: what both ends agreed on decides.",
    matches: (context) => context.difference.about === "asPath" && !context.one.dialect.isFourOctetAs,
  }),
  gobgp({
    sent: "a NEXT_HOP in 0.0.0.0/8 or 127.0.0.0/8, or from 224.0.0.0 on",
    does: "Takes no such route.",
    right: "both",
    why: "RFC 7606 section 3 (e). Whether it is usable is asked when the route is imported, which this comparison does not see.",
    matches: (context) => hasNobodysNextHop(context) && isRoute(context, "absent"),
  }),
  gobgp({
    sent: "an attribute twice, the second one malformed",
    does: "Withdraws the routes, or drops the message.",
    right: "tortie",
    why: "RFC 7606 section 3 (g): all but the first are discarded.",
    matches: (context) => context.one.verdict.complaint.endsWith("comes twice") && isLost(context),
  }),
  gobgp({
    sent: "an AGGREGATOR of six octets in a session with four-octet AS numbers",
    does: "Takes it.",
    right: "tortie",
    why: "RFC 7606 section 7.7: a length that is not that of the session costs the attribute.",
    matches: (context) => context.difference.about === "aggregator" && context.one.verdict.result === "discard",
  }),
  gobgp({
    sent: "the Partial bit on an attribute that is well-known or not transitive",
    does: "Drops the message.",
    right: "tortie",
    why: "RFC 4271 section 4.3 wants the bit to be zero there, but RFC 7606 section 3 (c) makes only the Optional and the Transitive bit a reason to take an attribute for malformed.",
    matches: (context) => hasOddPartial(context) && isLost(context),
  }),
];

export const gobgpClasses: readonly DifferenceClass[] = [...sessionClasses, ...routeClasses];
