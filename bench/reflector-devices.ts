import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** What every one of them is told to be: the load and its checks count on it. */
const as = 64_512;
const routerId = "10.0.0.1";
const clientRange = "127.0.0.0/8";

export const deviceNames = ["tortie", "relay-node", "relay", "frr0", "frr", "bird", "gobgp"] as const;
export type DeviceName = (typeof deviceNames)[number];

/** A route reflector that is about to be measured. */
export type Device = {
  readonly name: DeviceName;
  readonly about: string;
  /** What must be on this machine to run it, with the Debian package that brings it. */
  readonly program?: { readonly paths: readonly string[]; readonly debian: string };
  command(place: Place): readonly string[];
  /** Beside our own. */
  readonly env?: Readonly<Record<string, string>>;
};

type Place = {
  readonly port: number;
  /** Its own, for configuration, sockets and the log. */
  readonly folder: string;
  readonly relayPath: string;
};

const root = join(import.meta.dirname, "..");

/** For profiles: TORTIE_BENCH_REFLECTOR_FLAGS="--cpu-prof --cpu-prof-dir=/tmp/prof". */
const reflectorFlags = process.env["TORTIE_BENCH_REFLECTOR_FLAGS"] ?? "";

function found(...names: string[]): string[] {
  return names.flatMap((name) =>
    name.startsWith("/") ? [name] : ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map((folder) => join(folder, name)),
  );
}

function firstOf(paths: readonly string[]): string | undefined {
  return paths.find((path) => existsSync(path));
}

function writeConfig(folder: string, name: string, lines: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
}

const bird = found("bird");
const bgpd = found("/usr/lib/frr/bgpd", "/usr/libexec/frr/bgpd");
const gobgpd = found("gobgpd");

/** bgpd alone: no zebra, no kernel; `extra` goes under `router bgp`. */
function frr(name: "frr" | "frr0", about: string, extra: readonly string[]): Device {
  return {
    name,
    about,
    program: { paths: bgpd, debian: "frr" },
    command({ port, folder }) {
      const family = (version: string) => [
        ` address-family ipv${version} unicast`,
        "  neighbor clients activate",
        "  neighbor clients route-reflector-client",
        " exit-address-family",
      ];
      const config = writeConfig(folder, "bgpd.conf", [
        `router bgp ${as}`,
        ` bgp router-id ${routerId}`,
        ` bgp cluster-id ${routerId}`,
        " no bgp default ipv4-unicast",
        " bgp listen limit 50000",
        ...extra,
        " neighbor clients peer-group",
        ` neighbor clients remote-as ${as}`,
        " neighbor clients passive",
        ` bgp listen range ${clientRange} peer-group clients`,
        ...family("4"),
        ...family("6"),
      ]);
      const own = ["-f", config, "-i", join(folder, "pid"), "--vty_socket", folder, "-z", join(folder, "zebra")];
      const listen = ["-l", "127.0.0.1", "-p", String(port), "-P", "0"];
      return [firstOf(bgpd) ?? "bgpd", "-S", "-n", "-Z", ...listen, ...own, "--log", "stdout", "--log-level", "errors"];
    },
  };
}

export const devices: Readonly<Record<DeviceName, Device>> = {
  tortie: {
    name: "tortie",
    about: "tortie reflector",
    command({ port, folder }) {
      const place = ["--listen", `127.0.0.1:${port}`, "--socket", join(folder, "control")];
      const own = [...place, "--as", String(as), "--router-id", routerId];
      return [join(root, "bin/tortie"), "reflector", ...own, "--clients", clientRange];
    },
    ...(reflectorFlags === "" ? {} : { env: { NODE_OPTIONS: reflectorFlags } }),
  },
  "relay-node": {
    name: "relay-node",
    about: "the same messages through Node's sockets without a routing table",
    command: ({ port }) => [process.execPath, join(import.meta.dirname, "relay-node.ts"), `${port}`, `${as}`, routerId],
  },
  relay: {
    name: "relay",
    about: "the same messages in C without a routing table",
    command: ({ port, relayPath }) => [relayPath, `${port}`, `${as}`, routerId],
  },
  frr0: frr("frr0", "FRR's bgpd with coalesce-time 0", [" coalesce-time 0"]),
  frr: frr("frr", "FRR's bgpd as it comes", []),
  bird: {
    name: "bird",
    about: "BIRD 2",
    program: { paths: bird, debian: "bird2" },
    command({ port, folder }) {
      const config = writeConfig(folder, "bird.conf", [
        "log stderr { warning, error, fatal, bug };",
        `router id ${routerId};`,
        "protocol device { scan time 3600; }",
        // Next hops are not looked up: nothing is forwarded.
        "ipv4 table nothing4;",
        "ipv6 table nothing6;",
        "protocol bgp clients {",
        `  local 127.0.0.1 port ${port} as ${as};`,
        `  neighbor range ${clientRange} internal;`,
        '  dynamic name "client";',
        "  multihop;",
        "  passive on;",
        "  strict bind on;",
        "  rr client;",
        `  rr cluster id ${routerId};`,
        "  ipv4 { igp table nothing4; import all; export all; };",
        "  ipv6 { igp table nothing6; import all; export all; };",
        "}",
      ]);
      return [firstOf(bird) ?? "bird", "-f", "-c", config, "-s", join(folder, "control"), "-P", join(folder, "pid")];
    },
  },
  gobgp: {
    name: "gobgp",
    about: "GoBGP",
    program: { paths: gobgpd, debian: "gobgpd" },
    command({ port, folder }) {
      const family = (version: string) => [
        "  [[peer-groups.afi-safis]]",
        "    [peer-groups.afi-safis.config]",
        `      afi-safi-name = "ipv${version}-unicast"`,
      ];
      const config = writeConfig(folder, "gobgpd.toml", [
        "[global.config]",
        `  as = ${as}`,
        `  router-id = "${routerId}"`,
        `  port = ${port}`,
        '  local-address-list = ["127.0.0.1"]',
        "[[peer-groups]]",
        "  [peer-groups.config]",
        '    peer-group-name = "clients"',
        `    peer-as = ${as}`,
        "  [peer-groups.transport.config]",
        "    passive-mode = true",
        "  [peer-groups.route-reflector.config]",
        "    route-reflector-client = true",
        `    route-reflector-cluster-id = "${routerId}"`,
        ...family("4"),
        ...family("6"),
        "[[dynamic-neighbors]]",
        "  [dynamic-neighbors.config]",
        `    prefix = "${clientRange}"`,
        '    peer-group = "clients"',
      ]);
      const quiet = ["-l", "error", "--pprof-disable", "--api-hosts", `unix://${join(folder, "api")}`];
      return [firstOf(gobgpd) ?? "gobgpd", "-f", config, ...quiet];
    },
  },
};

/** Why the device cannot be run here; undefined when it can. */
export function missing({ program }: Device): string | undefined {
  if (program === undefined || firstOf(program.paths) !== undefined) return undefined;
  return `${program.paths[0]} is not installed (Debian: ${program.debian})`;
}

export type RunningDevice = AsyncDisposable & { readonly pid: number; readonly port: number };

const startMs = 20_000;
const stopMs = 10_000;
let lastPort = 2000;

/** Listens when it is given back. Throws with what it wrote when it does not come to that. */
export async function startDevice(device: Device, folder: string, relayPath: string): Promise<RunningDevice> {
  // A port each: what the kernel still knows of the one before is in nobody's way.
  const port = ++lastPort;
  const place = join(folder, `${device.name}-${port}`);
  mkdirSync(place, { recursive: true });
  const [program = "", ...args] = device.command({ port, folder: place, relayPath });
  const logPath = join(place, "log");
  const log = openSync(logPath, "w");
  const env = { ...process.env, ...device.env };
  const child = spawn(program, args, { stdio: ["ignore", log, log], cwd: place, env });
  const running = {
    pid: child.pid ?? 0,
    port,
    [Symbol.asyncDispose]: () => stop(child),
  };
  const ended = { is: false };
  child.once("error", () => (ended.is = true));
  child.once("exit", () => (ended.is = true));
  for (const until = performance.now() + startMs; !isListening(port); ) {
    if (ended.is || performance.now() > until) {
      await stop(child);
      throw new Error(`${device.name} does not listen: ${readFileSync(logPath, "utf8").slice(-2000)}`);
    }
    await sleep(20);
  }
  return running;
}

function isListening(port: number): boolean {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const tables = ["/proc/net/tcp", "/proc/net/tcp6"].filter((path) => existsSync(path));
  return tables.some((path) =>
    readFileSync(path, "utf8")
      .split("\n")
      .some((line) => {
        const [, address = "", , state] = line.trim().split(/\s+/);
        return state === "0A" && address.endsWith(local);
      }),
  );
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  child.once("exit", () => resolve());
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), stopMs);
  await promise;
  clearTimeout(timer);
}
