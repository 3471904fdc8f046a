// A server in a process of its own, for tests that kill it: node server-process.ts STATE|ETCD-URLS SOCKET [BOOKMARK-INTERVAL-MS]
import { writeSync } from "node:fs";
import { silentLogger } from "../../lib/index.ts";
import { openEtcdStore, openSqliteStore } from "../../store/index.ts";
import { startServer } from "../start-server.ts";

const [path = "", socketPath = "", interval = "30000"] = process.argv.slice(2);
// A log that is short of what the tests write now and then, so that 410 is met too.
const options = { log: silentLogger, limits: { keepRevisions: 300, keepMs: 3_600_000 } };
const store = path.startsWith("http")
  ? await openEtcdStore({ endpoints: path, ...options })
  : openSqliteStore({ path, ...options });
const { signal } = new AbortController();
await startServer({ store, socketPath, log: silentLogger, signal, bookmarkIntervalMs: Number(interval) });
writeSync(1, "ready\n");
