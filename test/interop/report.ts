import { formatTable } from "../../src/lib/index.ts";
import type { Feature } from "./feature.ts";
import type { Result } from "./run-all.ts";
import { type RouterName, routerNames } from "./routers/index.ts";

const titles: Readonly<Record<RouterName, string>> = { bird: "BIRD", frr: "FRR", gobgp: "GoBGP", exabgp: "ExaBGP" };

function columnsOf(versions: ReadonlyMap<RouterName, string>, routers: readonly RouterName[]): string[] {
  return routers.map((router) => `${titles[router]} ${versions.get(router) ?? "(absent)"}`);
}

/** Of one feature with one router: what both families have in common, or each by itself. */
function cellOf(results: readonly Result[], isShort: boolean): string {
  const words = results.map(({ outcome }) => (outcome === "unsupported by the peer" && isShort ? "-" : outcome));
  const [first = ""] = words;
  if (words.length === 2 && new Set(words).size === 1) return first;
  return results.map(({ family }, at) => `${family === "ipv4-unicast" ? "IPv4" : "IPv6"} ${words[at]}`).join(", ");
}

function resultsOf(results: readonly Result[], feature: string, router: RouterName): Result[] {
  return results
    .filter((result) => result.feature === feature && result.router === router)
    .sort((a, b) => (a.family < b.family ? -1 : 1));
}

/** For a terminal. */
export function formatResults(
  features: readonly Feature[],
  routers: readonly RouterName[],
  versions: ReadonlyMap<RouterName, string>,
  results: readonly Result[],
): string {
  const rows = features.map((feature) => [
    feature.name,
    ...routers.map((router) => cellOf(resultsOf(results, feature.name, router), false)),
  ]);
  return formatTable(["feature", ...columnsOf(versions, routers)], rows);
}

/** docs/reference/interop.md, from a run with everything in it. */
export function formatReference(
  features: readonly Feature[],
  versions: ReadonlyMap<RouterName, string>,
  results: readonly Result[],
): string {
  const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const columns = columnsOf(versions, routerNames);
  const table = [
    row(["feature", ...columns]),
    row(["feature", ...columns].map(() => "---")),
    ...features.map((feature) =>
      row([feature.title, ...routerNames.map((router) => cellOf(resultsOf(results, feature.name, router), true))]),
    ),
  ];
  const failed = results.filter(({ outcome }) => outcome === "FAILED" || outcome === "not run");
  return [
    "# Other BGP speakers",
    "",
    "What tortie's BGP speaker does with others, tried with the real programs of Debian 12 in network namespaces. This page is",
    "written by `npm run interop`, which ends with status 1 when anything fails. `ok` is both IP versions, unless one is named;",
    "`-` is something that the other program cannot do.",
    "",
    ...table,
    "",
    ...(failed.length === 0 ? [] : ["## What does not work", "", ...failed.map(describeFailure), ""]),
    "## How each was tried",
    "",
    ...features.map(({ title, check }) => `- **${title}**: ${check}`),
    "",
    "## What the others cannot do",
    "",
    ...features.flatMap(({ title, unsupported = {} }) =>
      routerNames.flatMap((router) => {
        const reason = unsupported[router];
        return reason === undefined ? [] : [`- ${title}, ${titles[router]}: ${reason}.`];
      }),
    ),
    "",
  ].join("\n");
}

export function describeFailure({ feature, router, family, outcome, detail }: Result): string {
  const version = family === "ipv4-unicast" ? "IPv4" : "IPv6";
  return `- ${feature}, ${titles[router]}, ${version}: ${outcome}: ${detail.replaceAll(/\s+/g, " ")}`;
}
