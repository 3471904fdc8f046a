// Writes the parts of docs/ that are made from the source.
// usage: node tools/docs.ts
import { writeFileSync } from "node:fs";
import { formatResourceReference } from "./resource-reference.ts";

writeFileSync("docs/reference/resources.md", formatResourceReference());
