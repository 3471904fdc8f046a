import type { Command } from "commander";

/** What it knows is loaded only when it is asked, so that other commands start fast. */
export function addOracleCommand(program: Command): void {
  program
    .command("oracle")
    .description(
      "answer questions about selectors, resources, policies and BGP messages: JSON lines in, JSON lines out",
    )
    .action(async () => {
      const { runOracle } = await import("./run-oracle.ts");
      await runOracle(process.stdin, process.stdout);
    });
}
