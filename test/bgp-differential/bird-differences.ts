import type { Context, DifferenceClass } from "./differences.ts";
import {
  hasAttribute,
  hasForeignAttribute,
  isEndedByThem,
  isEndedByUs,
  isNobodys,
  isOtherWord,
  isRoute,
  isUntransitiveShown,
} from "./symptoms.ts";

const onlyToCustomer = 35;
const lists: ReadonlySet<string> = new Set([
  "asPath",
  "communities",
  "largeCommunities",
  "extendedCommunities",
  "clusterList",
  "unknown",
]);

function bird(description: Omit<DifferenceClass, "speaker">): DifferenceClass {
  return { speaker: "bird", ...description };
}

export const birdClasses: readonly DifferenceClass[] = [
  bird({
    sent: "prefixes that cannot be read, or several errors at once",
    does: "Ends the session, mostly with Malformed Attribute List (3/1).",
    right: "tortie",
    why: "Prefixes have a word of their own: 3/10 in RFC 4271 section 6.3, 3/9 for the multiprotocol attributes in RFC 4760 section 7. Which of several errors is named is left open.",
    matches: isOtherWord,
  }),
  bird({
    sent: "a well-known attribute that nobody knows",
    does: "Withdraws the routes of the message.",
    right: "tortie",
    why: "RFC 4271 section 6.3 ends the session with 3/2, and RFC 7606 section 3 does not name the case among those that it softens.",
    matches: (context) => isEndedByUs(context, "3/2"),
  }),
  bird({
    sent: "a multiprotocol attribute that runs over the end",
    does: "Withdraws the prefixes that it could read before it.",
    right: "tortie",
    why: "RFC 7606 section 3 (j): withdrawing will do only when all prefixes of the message can be found. Those inside the cut attribute cannot, so the session ends.",
    matches: (context) => context.anatomy.isCut && isEndedByUs(context, "3/9"),
  }),
  bird({
    sent: "an only-to-customer attribute (35)",
    does: "Shows it by name, and withdraws routes on which it is malformed.",
    right: "both",
    why: "RFC 9234 section 5 asks for that of those who know the attribute. To others it is one that they do not know, and goes on with the Partial bit (RFC 4271 section 5).",
    matches: (context) =>
      hasAttribute(context, [onlyToCustomer]) && (context.difference.about === "unknown" || isRoute(context, "absent")),
  }),
  bird({
    sent: "an AIGP attribute (26) that is malformed or marked transitive",
    does: "Drops it.",
    right: "both",
    why: "RFC 7311 section 3 asks for that of those who know the attribute; to others it is one that they do not know (RFC 4271 section 5).",
    matches: (context) => hasAttribute(context, [26]) && context.difference.about === "unknown",
  }),
  bird({
    sent: "prefixes in 0.0.0.0/8, 127.0.0.0/8, 224.0.0.0/4 and their like",
    does: "Takes no such routes, whoever tells them.",
    right: "both",
    why: "RFC 4271 section 6.3 looks at the form of prefixes alone. What is worth having is for policies to say.",
    matches: ({ difference }) =>
      difference.about === "route" && difference.theirs === "absent" && isNobodysPrefix(difference.key ?? ""),
  }),
  bird({
    sent: "a malformed attribute that is not this peer's to send",
    does: "Withdraws the routes, or ends the session when there are none.",
    right: "tortie",
    why: "RFC 7606 sections 7.5, 7.9 and 7.10 discard LOCAL_PREF, ORIGINATOR_ID and CLUSTER_LIST of external peers, RFC 6793 section 6 the AS4 attributes of peers with four-octet numbers, whatever is in them.",
    matches: (context) => hasForeignAttribute(context) && (isEndedByThem(context) || isRoute(context, "absent")),
  }),
  bird({
    sent: "an attribute of type 254",
    does: "Withdraws the routes; the number is one that BIRD uses for itself.",
    right: "tortie",
    why: "It is optional and transitive and is passed on like any other that is not known (RFC 4271 section 5).",
    matches: (context) => hasAttribute(context, [254]) && isRoute(context, "absent"),
  }),
  bird({
    sent: "MP_REACH_NLRI with a next hop of a length that does not belong to the family, or empty",
    does: "Withdraws the other routes of the message.",
    right: "tortie",
    why: "RFC 7606 section 7.11: the prefixes behind such a next hop cannot be found, so the session ends.",
    matches: (context) =>
      isEndedByUs(context, "3/9") &&
      context.anatomy.attributes.some(({ type, value }) => type === 14 && value[3] !== 16 && value[3] !== 32),
  }),
  bird({
    sent: "an AS_PATH with segments of a confederation",
    does: "Withdraws the routes unless it is in a confederation with the peer.",
    right: "both",
    why: "RFC 5065 section 5 has such a path of a peer outside one's confederation count as malformed. Who the peer is decides about it, not the form: tortie reads the path, and refuses the route when an external peer told it.",
    matches: (context) => isRoute(context, "absent") && hasConfederation(context),
  }),
  bird({
    sent: "an unknown attribute that is optional and not transitive",
    does: "Keeps it in its table and does not pass it on.",
    right: "both",
    why: "RFC 4271 section 5 has it ignored and not passed on; tortie forgets it at once.",
    matches: isUntransitiveShown,
  }),
  bird({
    sent: "long lists",
    does: "Shows the beginning; `birdc` cuts the text, the table has it whole.",
    right: "both",
    why: "What is shown agrees with what tortie reads.",
    matches: ({ difference }) => lists.has(difference.about) && isCutText(difference.ours, difference.theirs),
  }),
  bird({
    sent: "MP_REACH_NLRI or MP_UNREACH_NLRI with wrong Optional or Transitive bits",
    does: "Leaves the prefixes in it as they were, and ends the session with 3/1 when the message has no others.",
    right: "tortie",
    why: "RFC 7606 section 3 (c): wrong bits alone mean withdrawing, and the prefixes can be read. Section 5.2 ends the session only when other attributes come with no route. Where the prefixes cannot be read, section 3 (j) ends it.",
    matches: (context) =>
      (isEndedByThem(context) || isEndedByUs(context) || isRoute(context, "present")) &&
      context.anatomy.attributes.some(({ type, flags }) => (type === 14 || type === 15) && (flags & 0xc0) !== 0x80),
  }),
];

function isNobodysPrefix(prefix: string): boolean {
  return prefix.includes(":") ? !/^[23]/.test(prefix) : isNobodys(Number(prefix.split(".")[0]));
}

function hasConfederation({ one }: Context): boolean {
  return [...one.verdict.announced.values()].some(({ asPath = "" }) => /[([]/.test(asPath));
}

/** All that `theirs` shows is in `ours`, but for one part that may be cut in two. */
function isCutText(ours: string, theirs: string): boolean {
  const split = (text: string) => text.split(/[ |,{}()[\]]+/).filter((part) => part !== "");
  const own = split(ours);
  const strange = split(theirs).filter((part) => !own.includes(part));
  const begins = (part: string) => own.some((other) => other.startsWith(part.replace(/\.+$/, "")));
  return ours.length > 120 && theirs.length < ours.length && strange.length <= 1 && strange.every(begins);
}
