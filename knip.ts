import type { KnipConfig } from "knip";

const config: KnipConfig = {
  entry: [
    "src/cli/main.ts",
    // A folder's door: what leaves it may be for later steps and for users of the library.
    "src/*/index.ts",
    "tools/*.{ts,mjs}",
    "bench/*.ts",
    "examples/**/*.ts",
    "src/**/*.test.ts",
    "test/**/*.ts",
    "src/**/testing/*.ts",
  ],
  project: ["{src,tools,bench,test,examples}/**/*.{ts,mjs}"],
  ignoreBinaries: ["cc", "etcd", "ip", "nft", "openssl", "unshare"],
};

export default config;
