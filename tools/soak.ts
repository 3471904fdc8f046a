// Long runs of what CI runs at a fraction. usage: npm run soak -- NAME; the figures belong into bench/results.md.
import { spawnSync } from "node:child_process";

const soaks: Readonly<
  Record<string, { readonly file: string; readonly environment: Record<string, string>; readonly about: string }>
> = {
  restart: {
    file: "test/labs/restart.test.ts",
    environment: { TORTIE_RESTARTS: "50" },
    about: "100 agents killed under traffic",
  },
  watch: {
    file: "test/watch/watch-contract.test.ts",
    environment: { TORTIE_WATCH_EVENTS: "1000000", TORTIE_WATCH_RECONNECTS: "1000", TORTIE_WATCH_KILLS: "20" },
    about: "1,000,000 events, 1,000 reconnects, 20 deaths of the server, over SQLite and over etcd",
  },
  birth: {
    file: "test/labs/birth.test.ts",
    environment: { TORTIE_BIRTHS: "50" },
    about: "50 workloads born under fire",
  },
};

const name = process.argv[2] ?? "";
const soak = soaks[name];
if (soak === undefined) {
  console.error("usage: npm run soak -- NAME");
  for (const [known, { about }] of Object.entries(soaks)) console.error(`  ${known}: ${about}`);
  process.exit(2);
}
const run = spawnSync(process.execPath, ["--test", soak.file], {
  stdio: "inherit",
  env: { ...process.env, ...soak.environment },
});
process.exitCode = run.status ?? 1;
