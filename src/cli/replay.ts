import type { Command } from "commander";
import { Option } from "commander";
import { exitStatus } from "./failure.ts";

type ReplayFlags = { readonly output?: "json" };

/** replay: runs the BGP core again on what an agent or a reflector has recorded. */
export function addReplayCommand(program: Command): void {
  program
    .command("replay")
    .description("run the BGP core on a recording (`--record` of agent and reflector) and tell what it did")
    .argument("<file>", "the recording")
    .addOption(new Option("-o, --output <format>", "for programs").choices(["json"]))
    .action(async (file: string, { output }: ReplayFlags) => {
      const { replayFile } = await import("./replay-file.ts");
      const { describeReplay } = await import("./replay-report.ts");
      const report = await replayFile(file, (line) => console.error(line));
      console.log(output === "json" ? JSON.stringify(report, undefined, 2) : describeReplay(report));
      if (report.failure !== undefined) process.exitCode = exitStatus.failed;
    });
}
