// A server in a process of its own, for tests that kill it: node server-process.ts STATE SOCKET [BOOKMARK-INTERVAL-MS]
import { writeSync } from "node:fs";
import { silentLogger } from "../../lib/index.ts";
import { openSqliteStore } from "../../store/index.ts";
import { startServer } from "../start-server.ts";

const [path = "", socketPath = "", interval = "30000"] = process.argv.slice(2);
// A log that is short of what the tests write now and then, so that 410 is met too.
const store = openSqliteStore({ path, log: silentLogger, limits: { keepRevisions: 300, keepMs: 3_600_000 } });
const { signal } = new AbortController();
await startServer({ store, socketPath, log: silentLogger, signal, bookmarkIntervalMs: Number(interval) });
writeSync(1, "ready\n");
