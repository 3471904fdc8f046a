// `tortie lab keeper` and `tortie lab spine` without the rest of the command line, for tests of the lab alone.
import { parseArgs } from "node:util";
import { createLogger } from "../../sys/index.ts";
import { runKeeper } from "../keeper.ts";

const [, role, ...args] = process.argv.slice(2);
const { values } = parseArgs({ args, options: { name: { type: "string" }, config: { type: "string" } } });
const controller = new AbortController();
process.once("SIGTERM", () => controller.abort());
const common = { log: createLogger({ level: "info" }), random: Math.random, signal: controller.signal };
if (role === "keeper") {
  const program = [process.execPath, process.argv[1] ?? ""] as const;
  await runKeeper({ ...common, name: values.name ?? "", program });
} else {
  const { runSpine } = await import("../spine.ts");
  await runSpine({ ...common, configPath: values.config ?? "" });
}
