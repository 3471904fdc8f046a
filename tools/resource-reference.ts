import { stringify } from "yaml";
import { isSchema, membersOf, notesOf, requiredOf, typeName } from "../src/cli/explain.ts";
import { type Json, type KindDefinition, apiVersionOf, kindDefinitions } from "../src/resources/index.ts";

const head = `# Resources

Every kind of the API, made from the definitions in \`src/resources/\` by \`node tools/docs.ts\`. \`tortie explain KIND.MEMBER\` tells
the same at the command line. All kinds have \`metadata\` with \`name\`, \`labels\` and \`annotations\`; those of a namespace have
\`metadata.namespace\`, which is \`default\` if it is not said.
`;

/** docs/reference/resources.md. */
export function formatResourceReference(): string {
  return [head, formatIndex(), ...kindDefinitions.map(formatKind)].join("\n");
}

function formatIndex(): string {
  const rows = kindDefinitions.map((definition) => {
    const { kind, plural, shortNames, isNamespaced } = definition;
    const names = [plural, ...shortNames].join(", ");
    return `| [${kind}](#${kind.toLowerCase()}) | ${apiVersionOf(definition)} | ${names} | ${isNamespaced ? "yes" : "no"} |`;
  });
  return ["| kind | API version | names | in a namespace |", "|---|---|---|---|", ...rows, ""].join("\n");
}

function formatKind(definition: KindDefinition): string {
  const { kind, apiKind, hasStatus } = definition;
  const { spec, ...others } = membersOf(definition.jsonSchema());
  const rest = Object.entries(others).filter(([name]) => !["apiVersion", "kind", "metadata", "status"].includes(name));
  const rows = [
    ...(isSchema(spec) ? formatMembers(spec, "") : []),
    ...rest.flatMap(([name, member]) => formatMember(name, member, false, "")),
  ];
  const table = rows.length === 0 ? [] : ["| member | type | |", "|---|---|---|", ...rows, ""];
  const where = isSchema(spec) && rows.length > 0 ? ["Members of `spec`:", ""] : [];
  return [
    `## ${kind}`,
    "",
    ...(apiKind === kind ? [] : [`\`kind: ${apiKind}\` of \`${apiVersionOf(definition)}\`.`, ""]),
    ...(hasStatus ? ["It has a `status`, which is written apart from the rest.", ""] : []),
    ...where,
    ...table,
    "```yaml",
    stringify(definition.example).trimEnd(),
    "```",
    "",
  ].join("\n");
}

function formatMembers(schema: Json, path: string): string[] {
  const required = requiredOf(schema);
  const told = new Map<string, string>();
  return Object.entries(membersOf(schema)).flatMap(([name, member]) => {
    // What is made up as a member before is not told twice: egress as ingress, destination as source.
    const shape = isSchema(member) ? JSON.stringify(membersOf(member)) : "{}";
    const alike = shape === "{}" ? undefined : told.get(shape);
    told.set(shape, name);
    if (alike === undefined) return formatMember(name, member, required.includes(name), path);
    return [
      formatRow(`${path}${name}`, member, [...describe(member, required.includes(name)), `members as in \`${alike}\``]),
    ];
  });
}

function formatMember(name: string, member: unknown, isRequired: boolean, path: string): string[] {
  if (!isSchema(member)) return [];
  const below = formatMembers(member, `${path}${name}${member["type"] === "array" ? "[]" : ""}.`);
  return [formatRow(`${path}${name}`, member, describe(member, isRequired)), ...below];
}

function describe(member: unknown, isRequired: boolean): string[] {
  return [...(isRequired ? ["required"] : []), ...(isSchema(member) ? notesOf(member) : [])];
}

function formatRow(path: string, member: unknown, told: readonly string[]): string {
  const type = isSchema(member) ? typeName(member) : "";
  return `| \`${path}\` | ${type} | ${told.join("; ").replaceAll("|", "\\|")} |`;
}
