import type { Command } from "commander";
import { type Kind, findKind, kindDefinitions } from "../resources/index.ts";
import { type Target, connect } from "../client/index.ts";
import { BadInput } from "./failure.ts";

const scripts: Readonly<Record<string, string>> = {
  bash: `# tortie completion bash > /etc/bash_completion.d/tortie
_tortie() {
  local words=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  mapfile -t COMPREPLY < <(tortie complete -- "\${words[@]}" 2>/dev/null)
}
complete -o default -F _tortie tortie
`,
  zsh: `#compdef tortie
# tortie completion zsh > "\${fpath[1]}/_tortie"
_tortie() {
  local -a found
  found=("\${(@f)$(tortie complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if (( \${#found} && \${#found[1]} )); then compadd -a found; else _files; fi
}
compdef _tortie tortie
`,
  fish: `# tortie completion fish > ~/.config/fish/completions/tortie.fish
function __tortie_complete
  set -l words (commandline -opc) (commandline -ct)
  tortie complete -- $words[2..-1] 2>/dev/null
end
complete -c tortie -a "(__tortie_complete)"
`,
};

/** The script that makes a shell ask `tortie complete`. */
export function completionScript(shell: string): string {
  const script = scripts[shell];
  if (script !== undefined) return script.trimEnd();
  throw new BadInput([`there is no completion for ${shell}; there is one for ${Object.keys(scripts).join(", ")}`]);
}

const objectCommands = new Set(["get", "delete", "patch", "label"]);
const answerDeadlineMs = 1_000;

/** What may stand in the place of the last word, which has been begun. Nothing (then the shell offers files) when there is nothing to say. */
export async function completeWords(program: Command, words: readonly string[], target: Target): Promise<string[]> {
  const begun = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  let command = program;
  const rest: string[] = [];
  for (const word of before) {
    const next = rest.length === 0 ? command.commands.find((one) => one.name() === word) : undefined;
    if (next === undefined) rest.push(word);
    else command = next;
  }
  const offered = await offer(command, rest, begun, target);
  return [...new Set(offered)].filter((word) => word.startsWith(begun)).toSorted();
}

async function offer(command: Command, rest: readonly string[], begun: string, target: Target): Promise<string[]> {
  if (begun.startsWith("-")) return command.options.flatMap(({ long, short }) => [long ?? short ?? ""]);
  const option = findOption(command, rest.at(-1));
  if (option !== undefined && (option.required || option.optional)) {
    if (option.long === "--namespace") return namesOf("Namespace", undefined, target);
    return option.long === "--output" ? ["wide", "yaml", "json", "name", "jsonpath="] : [];
  }
  if (command.commands.length > 0) return command.commands.map((one) => one.name());
  const words = rest.filter((word, at) => !word.startsWith("-") && !takesValue(command, rest[at - 1]));
  const isObject = objectCommands.has(command.name());
  if (words.length === 0)
    return isObject || command.name() === "explain" ? kindDefinitions.map(({ plural }) => plural) : [];
  const definition = isObject ? findKind(words[0] ?? "") : undefined;
  if (definition === undefined) return [];
  const at = rest.findIndex((word) => word === "-n" || word === "--namespace");
  const namespace = definition.isNamespaced ? (at === -1 ? "default" : rest[at + 1]) : undefined;
  return namesOf(definition.kind, namespace, target);
}

function findOption(command: Command, word: string | undefined) {
  return command.options.find(({ short, long }) => word !== undefined && (short === word || long === word));
}

function takesValue(command: Command, word: string | undefined): boolean {
  const option = findOption(command, word);
  return option !== undefined && (option.required || option.optional);
}

async function namesOf(kind: Kind, namespace: string | undefined, target: Target): Promise<string[]> {
  try {
    const { items } = await connect(target).list(kind, { namespace, signal: AbortSignal.timeout(answerDeadlineMs) });
    return items.map(({ metadata }) => metadata.name);
  } catch {
    // Whoever presses Tab is not told that the server is away.
    return [];
  }
}
