import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, openSync, closeSync, readFileSync, readdirSync, rmSync, writeFileSync, chmodSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Inside of the sandbox: /run is a file system of its own there. */
export const scratch = "/run/tortie-interop";

export type Finished = { readonly status: number; readonly stdout: string; readonly stderr: string };

/** Runs to the end; a failing command gives its status, and one that hangs is ended after 20 seconds. */
export function run(command: string, args: readonly string[], input = ""): Promise<Finished> {
  const { promise, resolve } = Promise.withResolvers<Finished>();
  const child = execFile(command, args, { maxBuffer: 1 << 27, timeout: 20_000 }, (error, stdout, stderr) => {
    const status = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
    resolve({ status, stdout, stderr: stderr === "" && status !== 0 ? (error?.message ?? "") : stderr });
  });
  child.stdin?.on("error", () => {});
  child.stdin?.end(input);
  return promise;
}

async function mustRun(command: string, args: readonly string[], input = ""): Promise<string> {
  const done = await run(command, args, input);
  if (done.status !== 0) throw new Error(`${command} ${args.join(" ")}: ${done.stderr}${done.stdout}`);
  return done.stdout;
}

/** A process that stays until it is ended; what it prints is in a file. */
export class Daemon {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly logPath: string;

  constructor(child: ChildProcess, logPath: string) {
    this.#child = child;
    this.#exited = once(child, "exit").catch(() => {});
    this.logPath = logPath;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.isRunning) this.#child.kill(signal);
  }

  /** Without a word to anyone. */
  async crash(): Promise<void> {
    this.signal("SIGKILL");
    await this.#exited;
  }

  /** As an administrator ends it; after three seconds it is killed. */
  async end(): Promise<void> {
    this.signal("SIGTERM");
    await Promise.race([this.#exited, sleep(3000, undefined, { ref: false })]);
    await this.crash();
  }
}

/** One network namespace, and a folder for the files of what runs in it. */
export class Place {
  readonly name: string;
  readonly netns: string;
  readonly folder: string;

  constructor(name: string, netns: string) {
    this.name = name;
    this.netns = netns;
    this.folder = join(scratch, netns);
    mkdirSync(this.folder, { recursive: true });
    chmodSync(this.folder, 0o755);
  }

  run(command: string, ...args: string[]): Promise<Finished> {
    return run("ip", ["netns", "exec", this.netns, command, ...args]);
  }

  async mustRun(command: string, ...args: string[]): Promise<string> {
    return await mustRun("ip", ["netns", "exec", this.netns, command, ...args]);
  }

  /** Lines of `ip -batch`, and other settings of the kernel, as one shell script. */
  async shell(script: string): Promise<string> {
    return await mustRun("ip", ["netns", "exec", this.netns, "sh", "-ec", script]);
  }

  path(file: string): string {
    return join(this.folder, file);
  }

  write(file: string, text: string): string {
    const path = this.path(file);
    writeFileSync(path, text);
    return path;
  }

  read(file: string): string {
    return readFileSync(this.path(file), "utf8");
  }

  start(log: string, command: readonly string[], environment: Readonly<Record<string, string>> = {}): Daemon {
    const logPath = this.path(log);
    const fd = openSync(logPath, "a");
    const child = spawn("ip", ["netns", "exec", this.netns, ...command], {
      stdio: ["ignore", fd, fd],
      env: { ...process.env, ...environment },
      cwd: this.folder,
    });
    child.on("error", () => {});
    closeSync(fd);
    return new Daemon(child, logPath);
  }

  /** A counter of the kernel such as `TCPMD5Failure`; 0 when it does not know one. */
  async counter(name: string): Promise<number> {
    const lines = (await this.mustRun("cat", "/proc/net/netstat")).split("\n").map((line) => line.split(" "));
    for (let at = 0; at + 1 < lines.length; at += 2) {
      const column = lines[at]?.indexOf(name) ?? -1;
      if (column > 0) return Number(lines[at + 1]?.[column]);
    }
    return 0;
  }

  async isListening(port: number): Promise<boolean> {
    return (await this.mustRun("ss", "-Hltn", `sport = :${port}`)) !== "";
  }
}

/** The namespaces of one scenario and the wires between them. Disposing ends all that runs in them. */
export class Network implements AsyncDisposable {
  readonly #prefix: string;
  readonly #places: Place[] = [];

  /** `name` is unique within the run and short. */
  constructor(name: string) {
    this.#prefix = name;
  }

  async place(name: string): Promise<Place> {
    const netns = `${this.#prefix}-${name}`;
    await mustRun("ip", ["netns", "add", netns]);
    const place = new Place(name, netns);
    this.#places.push(place);
    const settings = [
      "ipv4/ip_forward=1",
      "ipv6/conf/all/forwarding=1",
      "ipv6/conf/all/accept_dad=0",
      "ipv6/conf/default/accept_dad=0",
    ];
    const writes = settings
      .map((setting) => setting.split("="))
      .map(([path, value]) => `echo ${value} > /proc/sys/net/${path}`);
    await place.shell(`${writes.join("; ")}; ip link set lo up`);
    return place;
  }

  /** Wire 7 is `10.9.7.0/24` and `fd00:9:7::/64`; `left` has .1 and ::1, `right` .2 and ::2. Each end is called `to-OTHER`. */
  async wire(left: Place, right: Place, number: number, hasAddresses = true): Promise<void> {
    const [a, b] = [`to-${right.name}`, `to-${left.name}`];
    await mustRun("ip", [
      "link",
      "add",
      a,
      "netns",
      left.netns,
      "type",
      "veth",
      "peer",
      "name",
      b,
      "netns",
      right.netns,
    ]);
    for (const [place, link, host] of [
      [left, a, 1],
      [right, b, 2],
    ] as const) {
      const addresses = `ip addr add 10.9.${number}.${host}/24 dev ${link}; ip addr add fd00:9:${number}::${host}/64 dev ${link} nodad;`;
      await place.shell(`ip link set ${link} up; ${hasAddresses ? addresses : ""}`);
    }
  }

  /** What the processes wrote, for whoever looks into a failure. */
  logs(): string {
    return this.#places
      .flatMap((place) => readdirSync(place.folder).map((file) => join(place.folder, file)))
      .filter((path) => path.endsWith(".log"))
      .map((path) => `--- ${path}\n${readFileSync(path, "utf8").slice(-12_000)}`)
      .join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { netns } of this.#places) {
      const pids = (await run("ip", ["netns", "pids", netns])).stdout.split("\n").filter((pid) => pid !== "");
      for (const pid of pids) {
        try {
          process.kill(Number(pid), "SIGKILL");
        } catch {
          // It has ended by itself.
        }
      }
    }
    for (const { netns, folder } of this.#places) {
      await run("ip", ["netns", "del", netns]);
      rmSync(folder, { recursive: true, force: true });
    }
  }
}
