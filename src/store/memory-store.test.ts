import { memoryStore } from "./memory-store.ts";
import { storeCases } from "./store.cases.ts";

storeCases("memory", { open: memoryStore });
