// An etcd of one's own for a test: loopback ports nobody uses, data in a temporary folder, gone at the end.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Debian's package is `etcd-server`. */
export const hasEtcd = spawnSync("etcd", ["--version"]).status === 0;

export type Etcd = AsyncDisposable & {
  /** For `--etcd`. */
  readonly endpoint: string;
  /** SIGKILL: nothing is written any more. */
  kill(): Promise<void>;
  /** With the data it had. */
  restart(): Promise<void>;
};

const startLimitMs = 15_000;

export async function startEtcd(options: EtcdOptions = {}) {
  const [etcd] = await startCluster(1, options);
  if (etcd === undefined) throw new Error("no etcd");
  return etcd;
}

/** `isOnDisk`: else the data is in memory, where there is such a place, so that tests do not wait for the disk. */
type EtcdOptions = { readonly arguments?: readonly string[]; readonly scheme?: string; readonly isOnDisk?: boolean };

/** Members of one cluster. */
export async function startCluster(size: number, options: EtcdOptions = {}): Promise<Etcd[]> {
  const { arguments: more = [], scheme = "http", isOnDisk = false } = options;
  const ports = await findPorts(2 * size);
  const members = Array.from({ length: size }, (_, at) => ({
    name: `m${at}`,
    client: `${scheme}://127.0.0.1:${ports[2 * at]}`,
    peer: `http://127.0.0.1:${ports[2 * at + 1]}`,
  }));
  const cluster = members.map(({ name, peer }) => `${name}=${peer}`).join(",");
  const etcds = members.map(({ name, client, peer }) => {
    const folder = mkdtempSync(join(existsSync("/dev/shm") && !isOnDisk ? "/dev/shm" : tmpdir(), "tortie-etcd-"));
    const places = [
      ["--data-dir", join(folder, "data")],
      ["--name", name],
      ["--listen-client-urls", client],
      ["--advertise-client-urls", client],
      ["--listen-peer-urls", peer],
      ["--initial-advertise-peer-urls", peer],
      ["--initial-cluster", cluster],
      ["--heartbeat-interval", "20"],
      ["--election-timeout", "200"],
      ["--log-level", "error"],
    ];
    return new EtcdProcess(client, folder, [...places.flat(), ...more]);
  });
  await Promise.all(etcds.map((etcd) => etcd.restart()));
  return etcds;
}

/** None outlives this process, however it ends. */
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

class EtcdProcess implements Etcd {
  readonly endpoint: string;
  readonly #folder: string;
  readonly #arguments: readonly string[];
  #child: ChildProcess | undefined;

  constructor(endpoint: string, folder: string, args: readonly string[]) {
    this.endpoint = endpoint;
    this.#folder = folder;
    this.#arguments = args;
  }

  async restart(): Promise<void> {
    const child = spawn("etcd", this.#arguments, { stdio: ["ignore", "ignore", "pipe"] });
    this.#child = child;
    running.add(child);
    child.once("exit", () => running.delete(child));
    let told = "";
    child.stderr.on("data", (chunk: Buffer) => {
      told = `${told}${chunk.toString()}`.slice(-2_000);
    });
    const { port } = new URL(this.endpoint);
    const deadline = Date.now() + startLimitMs;
    // It listens once it has joined its cluster.
    while (!(await isListening(Number(port)))) {
      if (child.exitCode !== null || Date.now() > deadline) throw new Error(`etcd does not start: ${told}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function findPorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
