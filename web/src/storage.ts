/** A browser may refuse localStorage by throwing on the very name. */
export function storage(): Storage | undefined {
	try {
		return localStorage;
	} catch {
		return undefined;
	}
}
