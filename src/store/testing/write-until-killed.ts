// A process of its own for sqlite-store.test.ts: writes as fast as it can and says which writes were acknowledged.
import { writeSync } from "node:fs";
import { TortieError, silentLogger } from "../../lib/index.ts";
import { openSqliteStore } from "../sqlite-store.ts";

const path = process.argv[2] ?? "";
const padding = "x".repeat(Number(process.argv[3] ?? "10"));
const store = openSqliteStore({ path, log: silentLogger });

async function write(writer: number): Promise<void> {
  for (let round = 0; ; round++) {
    const { key, modRevision } = await store.create(`w/${writer}/${round}`, JSON.stringify({ round, padding }));
    writeSync(1, `${key} ${modRevision}\n`);
  }
}

try {
  await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map(write));
} catch (error) {
  writeSync(1, `failed ${error instanceof TortieError ? error.code : String(error)}\n`);
  const { revision, objects } = await store.list("");
  writeSync(1, `then ${revision} ${objects.length}\n`);
  process.exit(0);
}
