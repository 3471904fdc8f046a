import type { Context, DifferenceClass } from "./differences.ts";
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
  isOtherWord,
  isRoute,
} from "./symptoms.ts";

/** Attributes with a meaning to FRR 8.4 that are none of ours: PMSI tunnel, tunnel encapsulation, IPv6 extended communities, AIGP and others. */
const ownAttributes = [20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 35, 40, 128, 255];

function frr(description: Omit<DifferenceClass, "speaker">): DifferenceClass {
  return { speaker: "frr", ...description };
}

const sessionClasses: readonly DifferenceClass[] = [
  frr({
    sent: "prefixes that cannot be read, or several errors at once",
    does: "Ends the session and names the first error that it meets in the order of the attributes.",
    right: "both",
    why: "Which of several errors is named is left open. Tortie names the one that makes the session end (RFC 7606 section 3 (h)).",
    matches: isOtherWord,
  }),
  frr({
    sent: "a family that nobody knows",
    does: "Closes the connection without a NOTIFICATION.",
    right: "tortie",
    why: "RFC 4760 names no error for a family that one end does not speak; its routes are passed over. For what is malformed RFC 4271 section 6 asks for a NOTIFICATION.",
    matches: (context) => context.difference.theirs === "ends without a word" && hasStrangeFamily(context),
  }),
  frr({
    sent: "MP_REACH_NLRI with a link-local next hop behind the global one",
    does: "Refuses it when it does not know the peer's interface, as here on the loopback device, loses its place, reads IPv6 prefixes as IPv4 ones and ends the session with 3/10.",
    right: "tortie",
    why: "RFC 2545 section 3 allows both addresses together.",
    matches: (context) =>
      hasLinkLocalNextHop(context) &&
      (context.difference.theirs === "ends 3/10" ||
        isEndedByUs(context) ||
        isLost(context) ||
        isRoute(context, "present")),
  }),
  frr({
    sent: "an attribute twice",
    does: "Ends the session, mostly with 3/1.",
    right: "tortie",
    why: "RFC 7606 section 3 (g): all but the first are discarded.",
    matches: (context) => isEndedByThem(context) && context.one.verdict.complaint.endsWith("comes twice"),
  }),
  frr({
    sent: "an attribute that runs over the end",
    does: "Ends the session, mostly with 3/5.",
    right: "tortie",
    why: "RFC 7606 section 4: the routes are withdrawn.",
    matches: (context) => isEndedByThem(context) && context.anatomy.isCut,
  }),
  frr({
    sent: "a malformed attribute, by an internal peer",
    does: "Ends the session.",
    right: "tortie",
    why: "RFC 7606 sections 3 and 7 let it cost the routes of the message, or the attribute alone, whoever the peer is. FRR 8.4 does so for external peers only.",
    matches: (context) =>
      isEndedByThem(context) && context.one.dialect.isInternal && context.one.verdict.result !== "ok",
  }),
  frr({
    sent: "a malformed attribute, by an external peer",
    does: "Means to withdraw the routes, but takes what follows the attribute for prefixes and ends the session with 3/10, or ends it with another word.",
    right: "tortie",
    why: "RFC 7606 section 4: the prefixes are behind the attributes, wherever one of them went wrong.",
    matches: (context) =>
      isEndedByThem(context) && !context.one.dialect.isInternal && context.one.verdict.result !== "ok",
  }),
  frr({
    sent: "an attribute with a meaning to FRR and none to tortie",
    does: "Withdraws the routes, or ends the session, when it is malformed by that meaning.",
    right: "both",
    why: "The RFCs of these attributes (6514, 9012, 5701, 7311, 6790, 9234, 8669, 6368) speak to those who know them. To others they are unknown (RFC 4271 section 5).",
    matches: (context) => hasAttribute(context, ownAttributes) && (isEndedByThem(context) || isLost(context)),
  }),
  frr({
    sent: "a NEXT_HOP in 0.0.0.0/8 or 127.0.0.0/8, or from 224.0.0.0 on",
    does: "Ends the session with 3/8.",
    right: "tortie",
    why: "RFC 7606 section 3 (e): at most it costs the routes. Whether it is usable is asked when the route is imported, which this comparison does not see.",
    matches: (context) => isEndedByThem(context) && hasNobodysNextHop(context),
  }),
  frr({
    sent: "MP_REACH_NLRI without prefixes",
    does: "Ends the session.",
    right: "tortie",
    why: "RFC 4760 section 5 has any number of prefixes, and by none nothing is announced.",
    matches: (context) =>
      isEndedByThem(context) &&
      context.anatomy.attributes.some(({ type, value }) => type === 14 && value.length === 5 + (value[3] ?? 0)),
  }),
  frr({
    sent: "the Partial bit on an attribute that is well-known or not transitive",
    does: "Ends the session.",
    right: "tortie",
    why: "RFC 4271 section 4.3 wants the bit to be zero there, but RFC 7606 section 3 (c) makes only the Optional and the Transitive bit a reason to take an attribute for malformed.",
    matches: (context) => hasOddPartial(context) && isEndedByThem(context),
  }),
  frr({
    sent: "a malformed attribute and no route",
    does: "Goes on.",
    right: "tortie",
    why: "RFC 7606 section 5.2: no route is there on which the error could fall, so the session ends.",
    matches: (context) => isEndedByUs(context, "3/1") && !context.anatomy.hasNlri,
  }),
  frr({
    sent: "prefixes that cannot be read and no attributes",
    does: "Goes on; without attributes it does not look at the prefixes.",
    right: "tortie",
    why: "RFC 7606 section 5.3: the session ends for prefixes that cannot be read.",
    matches: (context) => isEndedByUs(context, "3/10") && context.anatomy.attributes.length === 0,
  }),
];

const routeClasses: readonly DifferenceClass[] = [
  frr({
    sent: "a prefix both withdrawn and announced",
    does: "Withdraws it.",
    right: "tortie",
    why: "RFC 4271 section 4.3: as if it were not among the withdrawn ones.",
    matches: (context) => isBothWays(context) && isRoute(context, "absent"),
  }),
  frr({
    sent: "an attribute that is not this peer's to send",
    does: "Keeps ORIGINATOR_ID of an external peer; withdraws the routes for LOCAL_PREF with wrong flags.",
    right: "tortie",
    why: "RFC 7606 sections 7.5 and 7.9 discard both.",
    matches: (context) =>
      hasForeignAttribute(context) && (context.difference.about === "originatorId" || isRoute(context, "absent")),
  }),
  frr({
    sent: "a prefix with two path identifiers in a message that is to be withdrawn",
    does: "Keeps the path that it knows when an unknown one is named behind it.",
    right: "tortie",
    why: "RFC 7606 section 2: every route of the message is withdrawn.",
    matches: (context) =>
      context.one.dialect.addPath4 &&
      context.one.verdict.result === "withdraw" &&
      isRoute(context, "present") &&
      isNamedTwice(context),
  }),
  frr({
    sent: "MP_REACH_NLRI behind a malformed attribute",
    does: "Stops at the malformed attribute and does not withdraw what comes behind it.",
    right: "tortie",
    why: "RFC 7606 section 3 (j): all prefixes of the message.",
    matches: (context) =>
      context.one.verdict.result === "withdraw" && isRoute(context, "present") && hasAttribute(context, [14]),
  }),
  frr({
    sent: "a malformed attribute, and one that runs over the end",
    does: "Loses its place at the first and withdraws other routes.",
    right: "tortie",
    why: "RFC 7606 section 4: the length of all attributes says where the prefixes begin.",
    matches: (context) => context.anatomy.isCut && isRoute(context, "absent"),
  }),
  frr({
    sent: "no LOCAL_PREF, by an internal peer",
    does: "Withdraws the routes.",
    right: "both",
    why: "RFC 4271 section 5.1.5 has internal peers send it, but section 6.3 names no error for its absence. Tortie reckons with 100, as BIRD and GoBGP do.",
    matches: (context) => context.one.dialect.isInternal && !hasAttribute(context, [5]) && isLost(context),
  }),
  frr({
    sent: "a community twice",
    does: "Shows it once.",
    right: "both",
    why: "RFC 1997 says nothing of repeats; tortie keeps the attribute as it came.",
    matches: ({ difference }) =>
      difference.about.endsWith("ommunities") &&
      [...new Set(difference.ours.split(" | "))].join(" | ") === difference.theirs,
  }),
  frr({
    sent: "IPv4 prefixes without a mandatory attribute beside MP_UNREACH_NLRI",
    does: "Takes the message for a withdrawal and does not miss the attribute.",
    right: "tortie",
    why: "RFC 7606 section 3 (d): the routes are withdrawn.",
    matches: (context) =>
      hasAttribute(context, [15]) &&
      isRoute(context, "present") &&
      context.one.verdict.complaint.endsWith("is missing"),
  }),
  frr({
    sent: "IPv4 prefixes behind the attributes, beside MP_REACH_NLRI",
    does: "Gives them the IPv6 next hop of MP_REACH_NLRI.",
    right: "tortie",
    why: "RFC 4760 section 3: that next hop belongs to the prefixes in the attribute; the others have NEXT_HOP.",
    matches: (context) => context.difference.about === "nextHop" && hasAttribute(context, [14]),
  }),
  frr({
    sent: "an AS4_PATH that is longer than the AS_PATH",
    does: "Joins them all the same.",
    right: "tortie",
    why: "RFC 6793 section 4.2.3: then AS4_PATH is ignored.",
    matches: (context) =>
      context.difference.about === "asPath" && !context.one.dialect.isFourOctetAs && hasAttribute(context, [17]),
  }),
  frr({
    sent: "ATOMIC_AGGREGATE or AGGREGATOR with wrong Optional or Transitive bits",
    does: "Drops the attribute.",
    right: "both",
    why: "RFC 7606 section 3 (c) withdraws the routes for wrong bits; section 3 (f) discards these two attributes for what used to end the session. Tortie goes by (c), the rule on bits.",
    matches: (context) => isRoute(context, "present") && /^attribute [67] /.test(context.one.verdict.complaint),
  }),
];

export const frrClasses: readonly DifferenceClass[] = [...sessionClasses, ...routeClasses];

function isNamedTwice({ difference, one }: Context): boolean {
  const { key = "" } = difference;
  return one.verdict.withdrawn.filter((other) => other.split("#")[0] === key).length > 1;
}

function hasLinkLocalNextHop({ anatomy }: Context): boolean {
  return anatomy.attributes.some(({ type, value }) => type === 14 && value[3] === 32);
}
