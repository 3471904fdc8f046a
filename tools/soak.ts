// Long runs of what CI runs at a fraction. usage: npm run soak -- NAME [OPTIONS]; the figures belong into bench/results.md.
import { spawnSync } from "node:child_process";

type Soak = {
  /** Run by our own Node; options given behind the name follow. */
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** In namespaces of its own, made by root so that all users exist there. */
  readonly isRooted?: boolean;
  readonly about: string;
};

const soaks: Readonly<Record<string, Soak>> = {
  restart: {
    command: ["--test", "test/labs/restart.test.ts"],
    environment: { TORTIE_RESTARTS: "50" },
    about: "100 agents killed under traffic",
  },
  watch: {
    command: ["--test", "test/watch/watch-contract.test.ts"],
    environment: { TORTIE_WATCH_EVENTS: "1000000", TORTIE_WATCH_RECONNECTS: "1000", TORTIE_WATCH_KILLS: "20" },
    about: "1,000,000 events, 1,000 reconnects, 20 deaths of the server, over SQLite and over etcd",
  },
  "bgp-simulation": {
    command: ["--test", "src/bgp/simulation.test.ts"],
    environment: { TORTIE_SIMULATION_SEEDS: "500" },
    about: "500 networks of speakers and reflectors under faults, each to come to what a full mesh would give",
  },
  situations: {
    command: ["tools/test.ts", "situations"],
    environment: { TORTIE_SITUATIONS: "all" },
    about: "every situation of policies, made by hand and generated, with real probes",
  },
  birth: {
    command: ["--test", "test/labs/birth.test.ts"],
    environment: { TORTIE_BIRTHS: "1000", TORTIE_KILLS: "200" },
    about: "1,000 workloads born under fire while 200 agents are killed",
  },
  "bgp-fuzz": {
    command: ["test/bgp-fuzz/main.ts", "--count", "100000000"],
    about: "100,000,000 BGP messages, valid and bent; --count and --seed choose others",
  },
  "bgp-differential": {
    command: ["--test", "test/bgp-differential/differential.root.test.ts"],
    environment: { TORTIE_DIFFERENTIAL_MESSAGES: "10000" },
    isRooted: true,
    about: "10,000 BGP messages put to BIRD, FRR and GoBGP, as root; writes docs/reference/bgp-differences.md",
  },
};

const [name = "", ...options] = process.argv.slice(2);
const soak = soaks[name];
if (soak === undefined) {
  console.error("usage: npm run soak -- NAME [OPTIONS]");
  for (const [known, { about }] of Object.entries(soaks)) console.error(`  ${known}: ${about}`);
  process.exit(2);
}
const namespaces = ["unshare", ..."--net --mount --pid --fork --kill-child --mount-proc".split(" ")];
const setUp = ["sh", "-c", 'mount -t tmpfs tmpfs /run && mkdir /run/netns && ip link set lo up && exec "$@"', "sh"];
const wrapper = soak.isRooted === true ? [...namespaces, ...setUp] : [];
const [program = "", ...args] = [...wrapper, process.execPath, ...soak.command, ...options];
const run = spawnSync(program, args, {
  stdio: "inherit",
  env: { ...process.env, ...soak.environment },
});
process.exitCode = run.status ?? 1;
