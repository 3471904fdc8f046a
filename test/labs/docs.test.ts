import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { tortie } from "./lab-harness.ts";

const pages = ["README.md", "CONTRIBUTING.md", ...globSync("docs/**/*.md"), ...globSync("examples/**/*.md")];

/** Every command line of ours that a page shows: in a code span, or on a line of a console block. */
function commandsOf(page: string): string[] {
  const text = readFileSync(page, "utf8");
  const blocks = [...text.matchAll(/```console\n([\s\S]*?)```/g)].flatMap((block) => (block[1] ?? "").split("\n"));
  const lines = blocks.filter((line) => /^[$#] /.test(line)).map((line) => line.slice(2));
  const spans = [...text.matchAll(/`((?:bin\/)?tortie [a-z][^`\n]*)`/g)].map((span) =>
    (span[1] ?? "").replaceAll("\\|", "|"),
  );
  return [...lines, ...spans]
    .filter((line) => /^(bin\/)?tortie /.test(line))
    .map((line) => line.replace(/^(bin\/)?tortie (--server \S+ )?/, ""));
}

/** The words that name the command, and the options of ours that stand behind them. */
function readCommand(line: string): { words: string[]; options: string[] } {
  const [own = ""] = line.split(" -- ");
  const tokens = own.split(/\s+/).filter((token) => token !== "");
  const first = tokens.findIndex((token) => !/^[a-z-]+$/.test(token) || token.startsWith("-"));
  const words = tokens.slice(0, first === -1 ? tokens.length : first);
  return {
    words,
    options: tokens.map((token) => token.replaceAll(/[[\]]/g, "")).filter((token) => /^--?[a-zA-Z]/.test(token)),
  };
}

test("every command that the pages show is there, with the options that they show", { timeout: 60_000 }, async () => {
  const shown = new Map(pages.flatMap((page) => commandsOf(page).map((line) => [line, page])));
  assert.ok(shown.size > 15, `only ${shown.size} commands were found in the pages`);
  const helpByWords = new Map<string, Promise<string>>();
  for (const [line, page] of shown) {
    const { words, options } = readCommand(line);
    // Behind the command's own words may stand an argument that looks like one.
    const hasOwnCommands = /^((lab|node|workload|token|bgp) |server (init|migrate))/.test(`${words.join(" ")} `);
    const command = words.slice(0, hasOwnCommands ? 2 : 1);
    const key = command.join(" ");
    const help =
      helpByWords.get(key) ?? tortie(...command, "--help").then(({ status, stdout }) => (status === 0 ? stdout : ""));
    helpByWords.set(key, help);
    assert.match(await help, new RegExp(`Usage: tortie .*${command.at(-1)}`), `${page}: ${line}`);
    for (const option of options.filter((one) => !["--help", "--server"].includes(one))) {
      assert.ok((await help).includes(option), `${page}: ${line}: no option ${option}`);
    }
  }
});

test("the walk through a lab in docs/start.md does what it says", { timeout: 90_000 }, async () => {
  const play = /## Play([\s\S]*?)\n## /.exec(readFileSync("docs/start.md", "utf8"))?.[1] ?? "";
  const lines = [...play.matchAll(/^\$ bin\/tortie (.*)$/gm)].map((line) => line[1] ?? "");
  assert.deepEqual(lines, [
    "lab up examples/lab/spines.yaml",
    "lab status spines",
    "lab exec --lab spines a -- ip route",
    "lab down spines",
  ]);
  try {
    for (const line of lines) {
      const done = await tortie(...line.split(" "));
      assert.equal(done.status, 0, `${line}: ${done.stderr}`);
      if (line.includes("ip route")) assert.match(done.stdout, /blackhole 10\.65\.\d+\.\d+\/26 proto 121/);
    }
  } finally {
    await tortie("lab", "down", "spines");
  }
});
