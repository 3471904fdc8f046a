import { type Problem, type Result, failure, isJsonObject } from "../lib/index.ts";

/** Asks the agent to give a network namespace an interface, addresses and a place under policy. */
export type AttachRequest = {
  /** The workload's network namespace: its path, or a process that lives in it. */
  readonly netns: string;
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Empty list: no profile at all; undefined: `kns.<namespace>`. */
  readonly profiles: readonly string[] | undefined;
  /** Name of the interface inside the workload. */
  readonly interface: string;
};

export type DetachRequest = { readonly name: string; readonly namespace: string };

export type AttachResponse = {
  readonly endpoint: string;
  readonly namespace: string;
  readonly interface: string;
  readonly hostInterface: string;
  readonly mac: string;
  /** One /32 and one /128, as far as there are pools. */
  readonly addresses: readonly string[];
};

const members = ["netns", "pid", "name", "namespace", "labels", "profiles", "interface"];

/** Reads a request from the socket. Form of names and labels is judged later, by the resource's own schema. */
export function decodeAttachRequest(json: unknown): Result<AttachRequest> {
  if (!isJsonObject(json)) return failure("", "the request is no JSON object");
  const problems: Problem[] = [];
  const complain = (path: string, message: string, hint = "") => problems.push({ path, message, hint });
  for (const member of Object.keys(json)) {
    if (!members.includes(member)) complain(member, "unknown member", `there are ${members.join(", ")}`);
  }
  const { pid, labels = {}, profiles } = json;
  const netns =
    json["netns"] ?? (typeof pid === "number" && Number.isInteger(pid) && pid > 0 ? `/proc/${pid}/ns/net` : undefined);
  if (typeof netns !== "string" || !netns.startsWith("/")) {
    complain("netns", "is neither a path nor a process id", "give netns: /run/netns/NAME or pid: 1234");
  }
  const name = textOf(json["name"]);
  if (name === "") complain("name", "is missing", "name the workload");
  const interfaceName = json["interface"] === undefined ? "eth0" : textOf(json["interface"]);
  if (!/^[A-Za-z0-9_.-]{1,15}$/.test(interfaceName)) {
    complain("interface", "is no interface name", "1 to 15 letters, digits, dots, dashes, underscores");
  }
  if (!isJsonObject(labels) || !Object.values(labels).every((value) => typeof value === "string")) {
    complain("labels", "is no object of texts");
  }
  if (
    profiles !== undefined &&
    !(Array.isArray(profiles) && profiles.every((profile) => typeof profile === "string"))
  ) {
    complain("profiles", "is no list of names");
  }
  if (problems.length > 0) return { ok: false, problems };
  return {
    ok: true,
    value: {
      netns: String(netns),
      name,
      namespace: textOf(json["namespace"]) || "default",
      labels: Object.fromEntries(Object.entries(labels as object).map(([key, value]) => [key, String(value)])),
      profiles: Array.isArray(profiles) ? profiles.map(String) : undefined,
      interface: interfaceName,
    },
  };
}

export function decodeDetachRequest(json: unknown): Result<DetachRequest> {
  if (!isJsonObject(json) || textOf(json["name"]) === "") return failure("name", "is missing", "name the workload");
  return { ok: true, value: { name: textOf(json["name"]), namespace: textOf(json["namespace"]) || "default" } };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
