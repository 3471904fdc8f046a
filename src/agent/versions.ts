/** The server numbers all writes in one row. What is no number counts as the oldest. */
export function laterOf(revision: bigint, version: string): bigint {
  const other = /^\d+$/.test(version) ? BigInt(version) : 0n;
  return other > revision ? other : revision;
}

/** Versions of one object are numbers that grow, whoever keeps it: our server or a kube-apiserver. */
export function isAsNew(version: string | undefined, wanted: string | undefined): boolean {
  return version === wanted || (version !== undefined && wanted !== undefined && BigInt(version) >= BigInt(wanted));
}
