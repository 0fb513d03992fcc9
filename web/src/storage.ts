/** storage is localStorage. A browser may refuse it by throwing on the very name. */
export function storage(): Storage | undefined {
	try {
		return localStorage;
	} catch {
		return undefined;
	}
}

/** tabStorage is the one that a tab has to itself, and that goes with it. */
export function tabStorage(): Storage | undefined {
	try {
		return sessionStorage;
	} catch {
		return undefined;
	}
}
