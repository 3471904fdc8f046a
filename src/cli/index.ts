// The command line: words in, API calls and programs started, designed output back.
// Must not decide anything about networks: it parses, asks and prints.
// Start at main.ts, which lists every command.
export { runCli } from "./main.ts";
