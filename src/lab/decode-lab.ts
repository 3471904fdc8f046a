import { type Cidr, type Result, addressBits, cidrLength, cidrVersion, cidrsOverlap, parseCidr } from "../lib/index.ts";
import { type Resource, decodeResource, keyOf } from "../resources/index.ts";
import { maxHosts, maxSpines, ownPrefixes } from "./address-plan.ts";
import type { Fabric, Lab, LabHost, LabPool, LabWorkload } from "./lab.ts";
import { Complaints, ObjectReader, show } from "./object-reader.ts";

const defaultPools = [
  { cidr: "10.65.0.0/16", blockSize: 26 },
  { cidr: "fd00:65::/64", blockSize: 122 },
];
/** Block sizes that IPAM takes, as prefix lengths. */
const blockSizes = { 4: { least: 20, most: 32, usual: 26 }, 6: { least: 116, most: 128, usual: 122 } };

/** Lab and host names are short: a host's name is also that of its interface on the fabric (15 characters). */
const shortName = /^[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?$/;
const shortNameHint = "1 to 15 lower-case letters, digits and dashes, letters or digits at both ends";
const longName = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const longNameHint = "1 to 63 lower-case letters, digits and dashes, letters or digits at both ends";
const profileName = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
/** Names of things the lab makes itself. */
const reservedName = /^(spine-[0-9]+|fabric|server|keeper|lo)$/;

/** Reads a lab from JSON (parsed YAML). Every mistake becomes one problem with its path. */
export function decodeLab(json: unknown): Result<Lab> {
  const complaints = new Complaints();
  const reader = new ObjectReader(json, "", complaints);
  const name = reader.requiredText("name", shortName, shortNameHint);
  const fabric = decodeFabric(reader.value("fabric"), complaints);
  const hosts = reader.list("hosts").map((host, at) => decodeHost(host, `hosts[${at}]`, complaints));
  const pools = decodePools(reader.value("pools") === undefined ? defaultPools : reader.list("pools"), complaints);
  const resources = decodeResources(reader.list("resources"), complaints);
  reader.end();
  if (hosts.length > maxHosts) complaints.add("hosts", `${hosts.length} hosts are too many`, `up to ${maxHosts} fit`);
  if (hosts.length === 0 && complaints.problems.length === 0) {
    complaints.add("hosts", "there is none", "name at least one: hosts: [{ name: a }]");
  }
  checkNames(hosts, complaints);
  if (complaints.problems.length > 0 || name === undefined) return { ok: false, problems: complaints.problems };
  return { ok: true, value: { name, fabric, hosts, pools, resources } };
}

function decodeFabric(json: unknown, complaints: Complaints): Fabric {
  if (json === undefined) return { type: "segment" };
  const reader = new ObjectReader(json, "fabric", complaints);
  const type = reader.requiredText(
    "type",
    /^(segment|spines)$/,
    "segment (one L2 network) or spines (a routed fabric)",
  );
  const count = type === "spines" ? (reader.integer("count", 1, maxSpines) ?? 2) : 0;
  reader.end();
  return type === "spines" ? { type, count } : { type: "segment" };
}

function decodeHost(json: unknown, path: string, complaints: Complaints): LabHost {
  const reader = new ObjectReader(json, path, complaints);
  const name = reader.requiredText("name", shortName, shortNameHint) ?? "";
  const labels = reader.textMap("labels");
  const workloads = reader
    .list("workloads")
    .map((workload, at) => decodeWorkload(workload, `${path}.workloads[${at}]`, complaints));
  reader.end();
  return { name, labels, workloads };
}

function decodeWorkload(json: unknown, path: string, complaints: Complaints): LabWorkload {
  const reader = new ObjectReader(json, path, complaints);
  const name = reader.requiredText("name", longName, longNameHint) ?? "";
  const namespace = reader.text("namespace", longName, longNameHint) ?? "default";
  const labels = reader.textMap("labels");
  const profile = reader.text("profile", profileName, "the name of a Profile");
  reader.end();
  return { name, namespace, labels, ...(profile === undefined ? {} : { profile }) };
}

function decodePools(list: readonly unknown[], complaints: Complaints): readonly LabPool[] {
  const pools: LabPool[] = [];
  for (const [at, json] of list.entries()) {
    const path = `pools[${at}]`;
    const reader = new ObjectReader(json, path, complaints);
    const text = reader.requiredText("cidr", /./, "such as 10.65.0.0/16 or fd00:65::/64");
    const cidr = text === undefined ? undefined : parseCidr(text);
    if (cidr === undefined) {
      if (text !== undefined)
        complaints.add(reader.pathOf("cidr"), `${show(text)} is no prefix`, "such as 10.65.0.0/16");
      reader.value("blockSize");
    } else {
      const { least, most, usual } = blockSizes[cidrVersion(cidr)];
      const blockSize = reader.integer("blockSize", Math.max(least, cidrLength(cidr)), most) ?? usual;
      checkPool(cidr, blockSize, pools, reader, complaints);
      pools.push({ cidr, blockSize });
    }
    reader.end();
  }
  return pools;
}

function checkPool(
  cidr: Cidr,
  blockSize: number,
  others: readonly LabPool[],
  reader: ObjectReader,
  complaints: Complaints,
): void {
  const taken = [...others.map((pool) => pool.cidr), ...ownPrefixes].find((other) => cidrsOverlap(other, cidr));
  if (taken !== undefined) {
    const owner = ownPrefixes.includes(taken) ? "which the fabric uses itself" : "another pool";
    complaints.add(reader.pathOf("cidr"), `${cidr} overlaps ${taken}, ${owner}`);
  } else if (cidrLength(cidr) > blockSize) {
    const bits = addressBits[cidrVersion(cidr)];
    complaints.add(reader.pathOf("cidr"), `${cidr} is smaller than one block`, `give a blockSize up to ${bits}`);
  }
}

function decodeResources(list: readonly unknown[], complaints: Complaints): readonly Resource[] {
  const resources: Resource[] = [];
  const pathByKey = new Map<string, string>();
  for (const [at, json] of list.entries()) {
    const path = `resources[${at}]`;
    const decoded = decodeResource(json);
    if (!decoded.ok) {
      for (const problem of decoded.problems) {
        complaints.add(problem.path === "" ? path : `${path}.${problem.path}`, problem.message, problem.hint);
      }
      continue;
    }
    const key = keyOf(decoded.value);
    const earlier = pathByKey.get(key);
    if (earlier !== undefined) complaints.add(path, `is the same object as ${earlier}`);
    pathByKey.set(key, path);
    resources.push(decoded.value);
  }
  return resources;
}

/** `lab exec NAME` must know which, so a name stands for one thing in the whole lab. */
function checkNames(hosts: readonly LabHost[], complaints: Complaints): void {
  const pathByName = new Map<string, string>();
  const take = (name: string, path: string) => {
    if (name === "") return;
    const earlier = pathByName.get(name);
    if (reservedName.test(name)) complaints.add(path, `"${name}" is a name of the lab's own`, "choose another");
    else if (earlier !== undefined)
      complaints.add(path, `"${name}" is taken by ${earlier}`, "every name is used once in a lab");
    else pathByName.set(name, path);
  };
  for (const [at, host] of hosts.entries()) take(host.name, `hosts[${at}].name`);
  for (const [at, host] of hosts.entries()) {
    for (const [of, workload] of host.workloads.entries()) take(workload.name, `hosts[${at}].workloads[${of}].name`);
  }
}
