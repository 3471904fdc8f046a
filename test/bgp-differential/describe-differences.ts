import { type DifferenceClass, classes } from "./differences.ts";
import type { Finding } from "./examine.ts";

/** What one run found of all speakers. */
export type Run = {
  readonly seed: number;
  readonly messages: number;
  readonly bent: number;
  readonly ending: number;
  /** Messages on which none of the speakers agrees with us in every point. */
  readonly alone: number;
  /** By the title of the speaker with its version, as `BIRD 2.0.12`. */
  readonly findings: ReadonlyMap<string, Finding>;
};

/** The page docs/reference/bgp-differences.md. */
export function describeRun({ seed, messages, bent, ending, alone, findings }: Run): string {
  const rows = [...findings].map(([title, { asked, agreed }]) =>
    rowOf(title, count(asked), count(agreed), count(asked - agreed), "0"),
  );
  const head = `# BGP: where other speakers read messages differently

Written by \`npm run soak -- bgp-differential\`, as root; a disagreement that no line below explains makes the run fail. CI puts
the first messages of the same run.

${count(messages)} generated UPDATEs (seed ${seed}), ${count(bent)} of them bent in some way and ${count(ending)} ending the session, were put to
every speaker, each in a session of its own: by internal and external peers, with AS numbers of two and of four octets, with
and without path identifiers (not to GoBGP, which takes none from peers that come by range) and IPv6 next hops of IPv4 prefixes.
What tortie's decoder makes of a message is compared with what the speaker does: whether the session goes on, the code and
subcode of the NOTIFICATION when it does not, which routes it believes the peer to have told afterwards, and every attribute
of them that its table shows.

| speaker | messages | understood alike | in lines below | unexplained |
|---|---|---|---|---|
${rows.join("\n")}

On ${count(alone)} messages none of them agrees with tortie in every point. \`right\` says whose reading the RFCs ask for: \`both\` where they leave
it open, or where it is no question of form; where only the other reading was right, tortie was changed. A message may count in
several lines.
`;
  return [head, ...[...findings].map(([title, finding]) => describeFinding(title, finding))].join("\n");
}

function describeFinding(title: string, { speaker, byClass }: Finding): string {
  const numberOf = ({ sent }: DifferenceClass) => byClass.get(sent) ?? 0;
  const own = classes.filter((one) => one.speaker === speaker).toSorted((a, b) => numberOf(b) - numberOf(a));
  const name = title.split(" ")[0] ?? "";
  return `## ${title}

${rowOf("what was sent", "messages", `what ${name} does`, "right", "why")}
|---|---|---|---|---|
${own.map((one) => describeClass(one, numberOf(one))).join("\n")}
`;
}

function describeClass({ sent, does, right, why }: DifferenceClass, messages: number): string {
  return rowOf(sent, count(messages), does, right, why);
}

function rowOf(...cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}
