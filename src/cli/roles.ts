import { type Command, InvalidArgumentError } from "commander";
import { type IpAddress, parseAddress } from "../lib/index.ts";
import { readText } from "./server-target.ts";
import { type LogLevel, untilStopped, withLogLevel } from "./long-running.ts";

type ServerFlags = {
  readonly state: string;
  readonly socket?: string;
  readonly insecureListen?: string;
  readonly listen?: string;
  readonly init?: boolean;
  readonly name?: string[];
  readonly backup?: string;
  readonly etcd?: string;
  readonly logLevel: LogLevel;
} & EtcdFlags;

type EtcdFlags = { readonly etcdCa?: string; readonly etcdCert?: string; readonly etcdKey?: string };

type AgentFlags = {
  readonly node: string;
  readonly address?: IpAddress;
  readonly address6?: IpAddress;
  readonly asNumber?: number;
  readonly runDir: string;
  readonly stateDir: string;
  readonly token?: string;
  readonly record?: string;
  readonly cutFlows?: boolean;
  readonly logLevel: LogLevel;
};

/** server and agent: the long-running roles. They are loaded only when asked for, so that other commands start fast. */
export function addRoleCommands(program: Command): void {
  const server = withLogLevel(program.command("server"))
    .description("keep the resources and serve the API on a unix socket")
    .option("--state <folder>", "where the database lives", "/var/lib/tortie")
    .option("--socket <path>", "where to listen (default: the value of --server)")
    .option("--listen <address:port>", "serve other hosts by TLS: [::]:6443 for every address; needs `server init`")
    .option("--init", "do what `server init` does, before anything else")
    .option("--name <name...>", "with --init: names and addresses by which hosts find this server")
    .option("--insecure-listen <address:port>", "serve everybody on this machine too, without TLS: for kubectl")
    .option("--backup <file>", "copy everything into this database at the start and once an hour")
    .option("--etcd <endpoints>", "keep the resources in etcd, together with other servers: http://192.0.2.1:2379,...")
    .option("--etcd-ca <file>", "who signed etcd's certificates")
    .option("--etcd-cert <file>", "certificate to show to etcd")
    .option("--etcd-key <file>", "its key")
    .action(async (options: ServerFlags, command: Command) => {
      const { runServer } = await import("../server/index.ts");
      const { createLogger } = await import("../sys/index.ts");
      const socketPath = options.socket ?? command.optsWithGlobals<{ server: string }>().server;
      await runServer({
        statePath: `${options.state}/store.sqlite`,
        socketPath,
        state: options.state,
        listen: options.listen,
        initNames: options.init === true ? (options.name ?? []) : undefined,
        insecureListen: options.insecureListen,
        etcd: options.etcd === undefined ? undefined : { endpoints: options.etcd, ...certificatesOf(options) },
        backupPath: options.backup,
        log: createLogger({ level: options.logLevel }),
        signal: untilStopped(),
      });
    });
  addInitCommand(server);
  addMigrateCommand(server);
  withLogLevel(program.command("agent"))
    .description("program this host's routes and policy, speak BGP, attach workloads")
    .requiredOption("--node <name>", "name of this host's Node resource; made when it is not there")
    .option("--address <address>", "this host's IPv4 address towards its peers", parseAddressFlag)
    .option("--address6 <address>", "this host's IPv6 address towards its peers", parseAddressFlag)
    .option("--as-number <number>", "AS number for the Node, when it is made", parseAsNumber)
    .option("--token <file>", "what `tortie token create --node` printed, in a file or in TORTIE_TOKEN; needed once")
    .option("--run-dir <folder>", "where the agent's socket lives", "/run/tortie")
    .option("--state-dir <folder>", "where the snapshot lives", "/var/lib/tortie")
    .option("--record <file>", "write down all that happens to the BGP speaker, for tortie replay")
    .option("--cut-flows", "end established connections of workloads when the policies come to forbid them")
    .action(async (options: AgentFlags, command: Command) => {
      const { runAgent } = await import("../agent/index.ts");
      const { createLogger } = await import("../sys/index.ts");
      await runAgent({
        node: options.node,
        address: options.address,
        address6: options.address6,
        asNumber: options.asNumber,
        server: command.optsWithGlobals<{ server: string }>().server,
        token: options.token === undefined ? process.env["TORTIE_TOKEN"] : readText(options.token),
        runDir: options.runDir,
        stateDir: options.stateDir,
        cutsFlows: options.cutFlows,
        recordPath: options.record,
        log: createLogger({ level: options.logLevel }),
        random: Math.random,
        signal: untilStopped(),
      });
    });
}

function addInitCommand(server: Command): void {
  server
    .command("init")
    .description(
      "make the certificate authority of a new cluster, or note this server's names beside the one that is there",
    )
    .option("--name <name...>", "names and addresses by which hosts find this server (default: the host's name)")
    .action(async (_: unknown, command: Command) => {
      const { initAuthority } = await import("../server/index.ts");
      const { state, name = [] } = command.optsWithGlobals<{ state: string; name?: string[] }>();
      const { isNew, authority } = initAuthority({ state, names: name });
      console.log(isNew ? `certificate authority made in ${state}/pki` : `certificate authority in ${state}/pki kept`);
      console.log(`this server goes by ${authority.names.join(", ")}`);
    });
}

function addMigrateCommand(server: Command): void {
  server
    .command("migrate")
    .description("copy all resources into an empty store, while no server uses either; takes --etcd-ca and so on too")
    .requiredOption("--from <store>", "sqlite:FILE or etcd:ENDPOINTS")
    .requiredOption("--to <store>", "likewise")
    .action(async (options: { from: string; to: string }, command: Command) => {
      const { copyStore, openStore } = await import("../store/index.ts");
      const { createLogger } = await import("../sys/index.ts");
      const flags = command.optsWithGlobals<EtcdFlags & { readonly logLevel: LogLevel }>();
      const common = { certificates: certificatesOf(flags), log: createLogger({ level: flags.logLevel }) };
      await using from = await openStore({ ...common, place: options.from, mayCreate: false });
      await using to = await openStore({ ...common, place: options.to, mayCreate: true });
      const { count, revision, isSourceChanged } = await copyStore(from, to);
      console.log(`copied ${count} objects, as they were at revision ${revision}`);
      if (isSourceChanged) console.error(`warning: ${options.from} was written to meanwhile; that is not in the copy`);
    });
}

function certificatesOf({ etcdCa, etcdCert, etcdKey }: EtcdFlags) {
  return { caFile: etcdCa, certFile: etcdCert, keyFile: etcdKey };
}

function parseAddressFlag(text: string): IpAddress {
  const address = parseAddress(text);
  if (address === undefined) throw new InvalidArgumentError("write an address such as 192.0.2.7 or 2001:db8::7");
  return address;
}

function parseAsNumber(text: string): number {
  const value = Number(text);
  if (!/^[0-9]+$/.test(text) || value < 1 || value > 4294967295)
    throw new InvalidArgumentError("write a number from 1 to 4294967295");
  return value;
}
