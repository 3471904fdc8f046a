import { formatAge, formatTable } from "../lib/index.ts";
import type { ReplayReport } from "./replay-run.ts";

/** The report for people. */
export function describeReplay(report: ReplayReport): string {
  const { isRestart, durationMs, isCutOff, inputs, outputs, bytesReceived, bytesSent, routes, hash, failure } = report;
  const length = `${formatAge(durationMs)} of a speaker${isRestart ? " that had been restarted" : ""}`;
  const facts: [string, string][] = [
    ["inputs", listCounts(inputs)],
    ["outputs", listCounts(outputs)],
    ["octets", `${bytesReceived} received, ${bytesSent} sent`],
    [
      "routes",
      failure === undefined ? `${routes.ipv4} IPv4 and ${routes.ipv6} IPv6 prefixes at the end` : "not looked at",
    ],
    ["hash", hash],
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  return [
    `${length}${isCutOff ? "; the last line is cut off and was passed over" : ""}`,
    ...facts.map(([name, value]) => `  ${name.padEnd(width)}   ${value}`),
    ...sessionLines(report),
    ...noticeLines(report),
    ...(failure === undefined
      ? []
      : [
          "",
          `the core broke at line ${failure.line}, given ${failure.input}; please report it with the recording:`,
          failure.error,
        ]),
  ].join("\n");
}

function sessionLines({ sessions }: ReplayReport): string[] {
  if (sessions.length === 0) return ["", "no session changed"];
  const rows = sessions.map(({ status, ups, downs, changedAtMs }) => [
    status.name,
    status.state,
    formatAge(changedAtMs),
    String(ups),
    String(downs),
    status.lastError,
  ]);
  return ["", formatTable(["NEIGHBOR", "STATE", "AT", "UPS", "DOWNS", "LAST ERROR"], rows)];
}

function noticeLines({ notices }: ReplayReport): string[] {
  if (notices.length === 0) return [];
  const rows = notices.map(({ peer, text, detail, count, firstAtMs }) => [
    formatAge(firstAtMs),
    String(count),
    peer,
    detail === "" ? text : `${text}: ${detail}`,
  ]);
  return ["", formatTable(["FIRST AT", "TIMES", "NEIGHBOR", "NOTICE"], rows)];
}

function listCounts(counts: Readonly<Record<string, number>>): string {
  const told = Object.entries(counts).toSorted(([, a], [, b]) => b - a);
  const sum = told.reduce((total, [, count]) => total + count, 0);
  return `${sum} (${told.map(([type, count]) => `${count} ${type}`).join(", ")})`;
}
