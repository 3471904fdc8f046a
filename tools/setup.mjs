// Brings what a command needs: the npm packages with the project's own Node, and Debian packages.
// Plain JavaScript on the machine's own Node (18 or newer), since nothing else is there yet.
// usage: node tools/setup.mjs [demo|test|check|bench]
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const purpose = process.argv[2] ?? "test";

/** Commands, the Debian package that brings each, and what asks for it. */
const tools = [
  { command: "unshare", debian: "util-linux", purposes: ["demo", "test", "bench"], isRequired: true },
  { command: "ip", debian: "iproute2", purposes: ["demo", "test", "bench"], isRequired: true },
  { command: "ping", debian: "iputils-ping", purposes: ["demo", "test"], isRequired: true },
  { command: "traceroute", debian: "traceroute", purposes: ["demo", "test"], isRequired: true },
  { command: "nft", debian: "nftables", purposes: ["demo", "test", "bench"], isRequired: true },
  { command: "bird", debian: "bird2", purposes: ["test", "bench"], isRequired: false },
  { command: "/usr/lib/frr/bgpd", debian: "frr", purposes: ["test", "bench"], isRequired: false },
  { command: "gobgpd", debian: "gobgpd", purposes: ["test", "bench"], isRequired: false },
  { command: "exabgp", debian: "exabgp", purposes: ["test"], isRequired: false },
  { command: "cc", debian: "gcc libc6-dev", purposes: ["bench"], isRequired: false },
  { command: "etcd", debian: "etcd-server", purposes: ["test", "check", "bench"], isRequired: false },
];

function fail(message) {
  console.error(`setup: ${message}`);
  process.exit(1);
}

/** By its name on the path, or by where it is. */
function hasCommand(name) {
  if (name.startsWith("/")) return existsSync(name);
  const folders = `${process.env.PATH ?? ""}:/usr/sbin:/sbin:/usr/bin:/bin`.split(":");
  return folders.some((folder) => folder !== "" && existsSync(join(folder, name)));
}

function installPackages() {
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  const stamp = join(root, "node_modules", ".tortie-setup");
  const node = join(root, "node_modules", ".bin", "node");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock && existsSync(node)) return;
  console.error("setup: installing the npm packages of package-lock.json (about half a minute)");
  const done = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
  });
  if (done.status !== 0) fail("npm ci failed (its output is above); check the network and type: npm ci");
  if (!existsSync(node)) {
    fail(`there is no Node package for ${process.platform} on ${process.arch}; tortie runs on Linux on x64 and arm64`);
  }
  writeFileSync(stamp, lock);
}

/** Debian starts a daemon when its package is installed; the tests want BIRD's program, not a BIRD on this machine. */
function withoutStartingServices(install) {
  const policy = "/usr/sbin/policy-rc.d";
  if (existsSync(policy)) return install();
  writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    return install();
  } finally {
    rmSync(policy, { force: true });
  }
}

function installTools() {
  const missing = tools.filter((tool) => tool.purposes.includes(purpose) && !hasCommand(tool.command));
  if (missing.length === 0) return;
  const names = missing.map((tool) => tool.debian);
  const command = `apt-get update && apt-get install -y --no-install-recommends ${names.join(" ")}`;
  const isRoot = process.getuid?.() === 0;
  if (isRoot && hasCommand("apt-get")) {
    console.error(`setup: installing the Debian packages ${names.join(", ")}`);
    const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    const done = withoutStartingServices(() =>
      spawnSync("sh", ["-c", `{ ${command}; } >&2`], { env: environment, stdio: ["ignore", 2, 2] }),
    );
    if (done.status === 0) return;
  }
  const required = missing.filter((tool) => tool.isRequired);
  const advice = `type: ${isRoot ? "" : "sudo "}sh -c '${command}'`;
  if (required.length > 0) fail(`missing: ${required.map((tool) => tool.command).join(", ")}; ${advice}`);
  console.error(
    `setup: what needs ${missing.map((tool) => tool.command).join(", ")} will be skipped; to run it, ${advice}`,
  );
}

function checkUserNamespaces() {
  try {
    execFileSync("unshare", ["--user", "--map-root-user", "--net", "true"], { stdio: "ignore" });
  } catch {
    fail(
      "this user may not make user namespaces, which the lab and the tests live in; " +
        "type: sudo sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=15000 " +
        "(and, on Ubuntu: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0)",
    );
  }
}

if (Number(process.versions.node.split(".")[0]) < 18)
  fail(`Node ${process.versions.node} is too old; 18 or newer is needed`);
if (process.platform !== "linux") fail("tortie runs on Linux only");
installPackages();
installTools();
if (purpose !== "check") checkUserNamespaces();
