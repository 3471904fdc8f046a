import { defineConfig } from "oxlint";

/**
 * The folders of src/, lowest row first. A folder imports only folders of rows before its own, and those
 * only through their index.ts. ARCHITECTURE.md tells why the order is this one.
 */
const layers: readonly (readonly string[])[] = [
  ["lib"],
  ["selector", "bgp", "bfd", "netlink", "conntrack", "nft"],
  ["resources"],
  ["ipam", "calc", "access"],
  ["dataplane"],
  ["reach"],
  ["sys"],
  ["store", "client", "kernel", "speaker", "cni"],
  ["server", "agent", "reflector", "lab"],
  ["cli"],
];

/** No I/O, no clock, no chance, no logging, no packages. */
const pureFolders = [
  "lib",
  "selector",
  "bgp",
  "bfd",
  "netlink",
  "conntrack",
  "nft",
  "resources",
  "ipam",
  "calc",
  "access",
  "dataplane",
  "reach",
];

const packages = ["@grpc/grpc-js", "@grpc/proto-loader", "commander", "koffi", "yaml", "zod"];
const packagesOf: Readonly<Record<string, readonly string[]>> = {
  resources: ["zod"],
  sys: ["koffi"],
  store: ["@grpc/grpc-js", "@grpc/proto-loader"],
  cli: ["commander", "yaml"],
  lab: ["yaml"],
  server: ["yaml"],
  reflector: ["yaml", "zod"],
};

function restrictImports(folder: string, isTest: boolean) {
  const row = layers.findIndex((folders) => folders.includes(folder));
  const below = layers.slice(0, row).flat();
  const foreign = layers.flat().filter((other) => other !== folder && !below.includes(other));
  const patterns = [
    {
      group: foreign.map((other) => `**/${other}/**`),
      message: `${folder}/ may import only ${below.join(", ") || "nothing of ours"} (the layer table in oxlint.config.ts)`,
    },
    ...below.map((other) => ({
      group: [`**/${other}/*`, `!**/${other}/index.ts`],
      message: `enter ${other}/ through its index.ts`,
    })),
  ];
  const banned = packages.filter((name) => !(packagesOf[folder] ?? []).includes(name));
  if (!isTest) {
    patterns.push({ group: banned, message: `${folder}/ does not use this package (CONVENTIONS.md)` });
    if (pureFolders.includes(folder)) {
      patterns.push({
        group: ["node:*", "!node:crypto", "!node:util"],
        message: `${folder}/ is pure: what it needs is a parameter`,
      });
    }
  }
  return ["error" as const, { patterns: patterns.filter(({ group }) => group.length > 0) }] as [
    "error",
    { patterns: { group: string[]; message: string }[] },
  ];
}

const testFiles = (folder: string) => [
  `src/${folder}/**/*.test.ts`,
  `src/${folder}/**/*.cases.ts`,
  `src/${folder}/**/testing/**`,
];

export default defineConfig({
  plugins: ["typescript", "unicorn", "oxc", "import", "promise", "node"],
  categories: { correctness: "error", suspicious: "error", perf: "error" },
  ignorePatterns: ["node_modules", "**/testdata/**"],
  rules: {
    eqeqeq: "error",
    "no-console": "error",
    "no-var": "error",
    "prefer-const": "error",
    "no-else-return": "error",
    "no-throw-literal": "error",
    "no-empty": "error",
    "max-lines": ["error", { max: 600 }],
    "max-lines-per-function": ["error", { max: 70 }],
    "import/no-cycle": "error",
    "import/no-default-export": "error",
    "typescript/no-explicit-any": "error",
    "typescript/no-non-null-assertion": "error",
    "typescript/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
    "no-await-in-loop": "off",
    "no-bitwise": "off",
    "no-shadow": "off",
    "no-underscore-dangle": "off",
    "no-unmodified-loop-condition": "off",
    "oxc/no-accumulating-spread": "error",
    "oxc/no-map-spread": "off",
    "import/no-unassigned-import": "off",
    "import/no-named-as-default-member": "off",
    "import/no-named-as-default": "off",
    "unicorn/no-array-sort": "off",
    "unicorn/no-array-reverse": "off",
    "unicorn/consistent-function-scoping": "off",
    "unicorn/prefer-add-event-listener": "off",
    "unicorn/no-useless-undefined": "off",
    "promise/always-return": "off",
    "promise/no-multiple-resolved": "off",
  },
  overrides: [
    ...layers.flat().map((folder) => ({
      files: [`src/${folder}/**/*.ts`],
      rules: { "no-restricted-imports": restrictImports(folder, false) },
    })),
    {
      files: pureFolders.map((folder) => `src/${folder}/**/*.ts`),
      rules: {
        "no-restricted-globals": [
          "error",
          ...[
            "Date",
            "performance",
            "process",
            "fetch",
            "setTimeout",
            "setInterval",
            "setImmediate",
            "queueMicrotask",
          ].map((name) => ({
            name,
            message: "a pure folder is given time and work as parameters",
          })),
        ],
        "no-restricted-properties": [
          "error",
          { object: "Math", property: "random", message: "take a Random as parameter" },
        ],
      },
    },
    ...layers.flat().map((folder) => ({
      files: testFiles(folder),
      rules: { "no-restricted-imports": restrictImports(folder, true) },
    })),
    {
      files: ["**/*.test.ts", "**/*.cases.ts", "**/testing/**", "test/**", "bench/**"],
      rules: {
        "max-lines-per-function": "off",
        "no-restricted-globals": "off",
        "no-restricted-properties": "off",
        "typescript/no-non-null-assertion": "off",
        "typescript/no-floating-promises": "off",
      },
    },
    { files: ["tools/**", "bench/**", "test/**", "examples/**", "src/cli/**"], rules: { "no-console": "off" } },
    { files: ["oxlint.config.ts", "knip.ts"], rules: { "import/no-default-export": "off" } },
  ],
});
